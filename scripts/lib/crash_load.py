"""crash_load - MESSAGEs over UDP for scripts/crash-test, by the timers of RFC 3261; what was refused is tried again with the same ids."""
import asyncio, re, time

T1, T2 = 0.5, 4.0
TRIES = 3
DOMAINS = ("example.org", "example.com")  # the gateway tells the sender of a temporary refusal; or it queues
MESSAGE = ("MESSAGE sip:bob%%40%(domain)s@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%(port)d;branch=z9hG4bK%(branch)s;rport\r\n"
           "Max-Forwards: 66\r\nFrom: <sip:alice@ims.example.net>;tag=%(id)s\r\nTo: <sip:bob%%40%(domain)s@127.0.0.1>\r\n"
           "Call-ID: %(id)s\r\nCSeq: 1 MESSAGE\r\nP-Asserted-Identity: <sip:alice@ims.example.net>\r\nContribution-ID: %(id)s\r\n"
           "Conversation-ID: conv%(conv)d\r\nContent-Type: text/plain\r\nContent-Length: %(len)d\r\n\r\n%(body)s")


class Sender(asyncio.DatagramProtocol):
    """Non-INVITE client transactions: each repeats by timer E, ends by timer F or a final answer. answers: by message, the final answer
    of each of its tries, None for a try that had none."""

    def __init__(self, port):
        self.port, self.answers, self.waiting = port, {}, {}

    def connection_made(self, transport):
        self.transport = transport
        self.own = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, peer):
        status = re.match(rb"SIP/2\.0 (\d\d\d)", data)
        branch = re.search(rb";branch=z9hG4bK(\w+)", data)
        if not status or not branch or int(status[1]) < 200:
            return
        ident, attempt = branch[1].decode().split("_")
        answers = self.answers[ident]
        if answers[int(attempt)] is None:
            answers[int(attempt)] = int(status[1])
            if branch[1] in self.waiting:
                self.waiting[branch[1]].set()

    def error_received(self, error):
        pass  # nobody listens while sip-listen is started again: the timers repeat

    async def transaction(self, ident, attempt):
        number, body, branch = int(ident[1:]), "crash test %s of the day" % ident, "%s_%d" % (ident, attempt)
        text = MESSAGE % {"port": self.own, "id": ident, "branch": branch, "conv": number % 50, "domain": DOMAINS[number % 2],
                          "len": len(body), "body": body}
        done = self.waiting[branch.encode()] = asyncio.Event()
        wait, end = T1, time.monotonic() + 64 * T1
        while time.monotonic() < end and not done.is_set():
            self.transport.sendto(text.encode(), ("127.0.0.1", self.port))
            try:
                await asyncio.wait_for(done.wait(), wait)
            except asyncio.TimeoutError:
                wait = min(2 * wait, T2)
        del self.waiting[branch.encode()]
        return self.answers[ident][attempt]

    async def send(self, ident):
        self.answers[ident] = []
        for attempt in range(TRIES):
            self.answers[ident].append(None)
            status = await self.transaction(ident, attempt)
            if status is None or status < 300:
                return
            await asyncio.sleep(0.5 + attempt)


async def load(port, seconds, rate):
    """The sender, and its transactions, once all have been begun."""
    _, sender = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Sender(port), local_addr=("127.0.0.1", 0))
    tasks, began = [], time.monotonic()
    while time.monotonic() - began < seconds:
        while len(tasks) < rate * (time.monotonic() - began):
            tasks.append(asyncio.create_task(sender.send("m%06d" % len(tasks))))
        await asyncio.sleep(0.02)
    return sender, tasks
