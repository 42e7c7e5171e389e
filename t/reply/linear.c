/*
 * Time grows with the length: texts of one line or tag over and over, made to wake each rule of the cutting of replies
 * and of HTML, four times as long must not take more than eight times as long.
 */
#include "mail/html.h"
#include "mail/reply.h"
#include "tap.h"

#include <stdlib.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
enum { SMALL = 64 << 10, LARGE = 256 << 10 };
#else
enum { SMALL = 256 << 10, LARGE = 1 << 20 };
#endif

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fill(struct buf *b, const char *head, const char *piece, size_t n)
{
	buf_clear(b);
	buf_puts(b, head);
	while (b->n < n)
		buf_puts(b, piece);
}

static void reply(struct slice text)
{
	struct buf out = {0};
	struct mail_reply_options o = {.marker = "=== Please write above this line ==="};
	mail_reply_strip(&out, text, &o);
	buf_free(&out);
}

static void html(struct slice text)
{
	struct buf out = {0};
	struct mail_marks marks = {0};
	html_to_text(&out, text, &marks);
	free(marks.v);
	buf_free(&out);
}

static double took(void (*f)(struct slice), struct slice text)
{
	double best = 1e9;
	for (int i = 0; i < 2; i++) {
		double from = seconds();
		f(text);
		double t = seconds() - from;
		best = t < best ? t : best;
	}
	return best;
}

static void linear(void (*f)(struct slice), const char *name, const char *head, const char *piece)
{
	struct buf b = {0};
	fill(&b, head, piece, SMALL);
	double small = took(f, slice_buf(&b));
	fill(&b, head, piece, LARGE);
	double large = took(f, slice_buf(&b));
	if (!ok(large < 8 * small + 0.05 && large < 5, "%d KiB of %s", LARGE >> 10, name))
		printf("# %.3f s for %d KiB, %.3f s for %d KiB\n", small, SMALL >> 10, large, LARGE >> 10);
	buf_free(&b);
}

int main(void)
{
	static const struct {
		const char *name, *head, *piece;
	} texts[] = {
		{"quote signs in one line", "", ">"},
		{"quoted lines", "yes\n", "> x\n"},
		{"deep quoted lines", "", ">>>>>>>>>>>>>>>>>>>> x\n"},
		{"lines that begin with On", "", "On "},
		{"attributions", "", "On Thu, Mar 5, 2026 at 10:15 AM Bob <bob@example.org> wrote:\nno\n> x\nown\n"},
		{"attributions without quotes", "", "On Monday Bob wrote:\n"},
		{"half attributions", "", "On Thu, Mar 5, 2026 at 10:15 AM Bob\n"},
		{"underscores", "", "_"},
		{"lines of underscores", "", "______________________\n"},
		{"header fields", "", "To: bob\n"},
		{"header blocks", "", "From: bob\nTo: you\n\n\n"},
		{"separators that are none", "", "-----Originally a message-----\n"},
		{"signature delimiters", "", "-- \n"},
		{"footers", "", "Sent from my iPhone\n"},
		{"footers and quotes", "", "Sent from my iPhone\n> x\n\n"},
		{"disclaimers", "", "This e-mail is confidential.\n\n"},
		{"blank lines", "", "\n"},
		{"blanks", "", " "},
		{"no-break spaces", "", "\xc2\xa0"},
		{"colons", "", ":"},
		{"lines of a colon", "", "a 1 :\n"},
		{"parts of the marker", "", "=== Please write above this\n"},
		{"wrapped quotes", "",
		 "> xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nrest\n"},
		{"bars", "", "| |\n|\n"},
	};
	static const struct {
		const char *name, *head, *piece;
	} pages[] = {
		{"<div>", "", "<div>"},
		{"<div>a", "", "<div>a"},
		{"<div/>", "", "<div/>"},
		{"<x-y>", "", "<x-y>"},
		{"<1>", "", "<h1>"},
		{"<svg>", "", "<svg>"},
		{"<math><mi>", "", "<math><mi>x"},
		{"<table> in <table>", "", "<table><table>"},
		{"end tags that match nothing", "<b><p>", "</b>"},
		{"<li> alone", "", "<li>"},
		{"<p> within <b>", "<b>", "<p>x</b><b>"},
		{"<p>", "", "<p>a"},
		{"<blockquote>", "", "<blockquote>a"},
		{"<b><i>", "", "<b><i>x"},
		{"misnested <a>", "", "<a href=x><p>y"},
		{"fonts of many kinds", "", "<font size=1><font size=2><font size=3><p>"},
		{"attributes", "<div ", "a b c "},
		{"the same attribute", "<div ", "a=1 "},
		{"open quotes", "", "<a b=\""},
		{"tables", "", "<table><tr><td>x"},
		{"rows outside of tables", "<table>", "<p>x"},
		{"comments that do not end", "", "<!--"},
		{"entities", "", "&amp;&lt;&nbsp;"},
		{"ampersands", "", "&"},
		{"less-than signs", "", "<"},
		{"end tags", "", "</div></p>"},
		{"nested lists", "", "<ul><li>x"},
		{"select", "", "<select><option>x"},
		{"blank lines", "", "<br>"},
		{"styles", "", "<div style='border-top:solid border-top:solid border-top:solid'>x</div>"},
		{"gmail quotes", "", "<div class=\"gmail_quote\">x</div>"},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		linear(reply, texts[i].name, texts[i].head, texts[i].piece);
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		linear(html, pages[i].name, pages[i].head, pages[i].piece);
	return tap_done();
}
