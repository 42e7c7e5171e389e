#!/usr/bin/env python3
"""smtp_sink - a mail server that forgets nothing: each mail is one durable line in LOG before it gets its 250.

usage: smtp_sink.py PORT LOG

A line is: when (CLOCK_MONOTONIC, seconds), the Message-ID, the first word of the body behind "crash test ". May be killed at any time.
"""
import asyncio, os, re, sys, time

EHLO = b"250-sink.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 DSN\r\n"
REPLIES = {b"EHLO": EHLO, b"HELO": b"250 sink.example\r\n", b"MAIL": b"250 2.1.0 ok\r\n", b"RCPT": b"250 2.1.5 ok\r\n",
           b"RSET": b"250 2.0.0 ok\r\n", b"NOOP": b"250 2.0.0 ok\r\n", b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 bye\r\n"}


class Session(asyncio.Protocol):
    def __init__(self, log):
        self.log, self.buffer, self.in_mail, self.quit = log, b"", False, False

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"220 sink.example ESMTP\r\n")

    def data_received(self, data):
        """Everything that has arrived is worked off; one fsync for all of its mails, then all the replies."""
        self.buffer += data
        replies, mails = b"", []
        while True:
            end = self.buffer.find(b"\r\n.\r\n" if self.in_mail else b"\r\n")
            if end < 0:
                break
            if self.in_mail:
                mails.append(self.buffer[:end])
                replies, self.buffer, self.in_mail = replies + b"250 2.0.0 kept\r\n", self.buffer[end + 5:], False
                continue
            line, self.buffer = self.buffer[:end], self.buffer[end + 2:]
            verb = line[:4].upper()
            replies += REPLIES.get(verb, b"502 5.5.1 what?\r\n")
            self.in_mail = verb == b"DATA"
            self.quit = verb == b"QUIT"
        self.keep(mails)
        self.transport.write(replies)
        if self.quit:
            self.transport.close()

    def keep(self, mails):
        lines = b""
        for mail in mails:
            ident = re.search(rb"\r\nMessage-ID:\s*<([^>\s]+)>", mail, re.I)
            word = re.search(rb"crash test (\S+)", mail)
            lines += b"%.6f %s %s\n" % (time.monotonic(), ident[1] if ident else b"-", word[1] if word else b"-")
        if lines:
            os.write(self.log, lines)
            os.fdatasync(self.log)


async def main(port, path):
    log = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)
    server = await asyncio.get_running_loop().create_server(lambda: Session(log), "127.0.0.1", port, reuse_address=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
