/*
 * recover.c - a slot whose holder died, or whose transaction is taken back: R1 to R7. Names decide, but for the
 * quick form (quick.c), and every step may be repeated: a recoverer may die too.
 */
#include "spool/worker.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct entry {
	char file[NAME_SLOT_SIZE];
	struct slot_name n;
	bool gone;
};

struct listing {
	struct entry *v;
	size_t n, cap;
	const char *slot;
};

static bool entry_seen(void *ctx, const char *file)
{
	struct listing *l = ctx;
	struct slot_name n;
	if (strcmp(file, "lock") == 0)
		return true;
	if (!name_parse_slot(file, &n)) {
		log_event(LOG_WARN, NULL, "odd-name", "dir", l->slot, "file", file, NULL);
		return true;
	}
	if (l->n == l->cap)
		l->v = xrealloc(l->v, (l->cap = l->cap ? l->cap * 2 : 16) * sizeof *l->v);
	struct entry *e = &l->v[l->n++];
	*e = (struct entry){.n = n};
	snprintf(e->file, sizeof e->file, "%s", file);
	return true;
}

static struct entry *entry_find(struct listing *l, char role, const char *lead)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].gone && l->v[i].n.role == role && strcmp(l->v[i].n.lead, lead) == 0)
			return &l->v[i];
	return NULL;
}

/* T,i,T: the claim of the batch that leads. */
static struct entry *entry_lead(struct listing *l, const char *lead)
{
	for (size_t i = 0; i < l->n; i++) {
		struct entry *e = &l->v[i];
		if (!e->gone && e->n.role == 'i' && strcmp(e->n.lead, lead) == 0 && strcmp(e->n.target.name, lead) == 0)
			return e;
	}
	return NULL;
}

static int entry_unlink(const struct slot *s, struct entry *e)
{
	if (sys_unlink(s->dir, e->file) < 0 && errno != ENOENT)
		return -1;
	e->gone = true;
	return 0;
}

static bool names_blobs(const char *name)
{
	return name[strlen(name) - 1] == 'b';
}

/* R2: the state store has T, so it was committed. */
static int set_marks(struct spool_worker *w, struct slot *s, struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct entry *e = &l->v[i];
		if (e->n.role != 'i' || strcmp(e->n.lead, e->n.target.name) != 0 || !state_has(w->state, e->n.lead))
			continue;
		struct slot_name mark = {.role = 'c'};
		char file[NAME_SLOT_SIZE];
		memcpy(mark.lead, e->n.lead, sizeof mark.lead);
		name_put_slot(file, &mark);
		if (sys_rename(s->dir, e->file, s->dir, file) < 0) {
			if (errno == EEXIST)
				spool_die("%s: %s is committed and claimed at once", s->dir->path, mark.lead);
			return -1;
		}
		e->n = mark;
		memcpy(e->file, file, sizeof file);
	}
	return 0;
}

/* R3 for one mark. */
static int finish_mark(struct spool_worker *w, struct slot *s, struct listing *l, struct entry *mark)
{
	struct entry *e;
	const char *lead = mark->n.lead;
	if (entry_lead(l, lead) || entry_find(l, 's', lead))
		spool_die("%s: %s is committed and claimed at once", s->dir->path, lead);
	while ((e = entry_find(l, 'o', lead)) != NULL) {
		if (target_publish(w, s, e->file, e->n.dest, &e->n.target, 0) < 0)
			return -1;
		e->gone = true;
	}
	if (names_blobs(lead) && blob_drop(w->queue->root, lead) < 0)
		return -1;
	while ((e = entry_find(l, 'i', lead)) != NULL || (e = entry_find(l, 'n', lead)) != NULL)
		if (entry_unlink(s, e) < 0)
			return -1;
	if (dir_fsync(s->dir) < 0)
		spool_die("fsync %s:", s->dir->path);
	return entry_unlink(s, mark);
}

/* R4 for one single mark: T,s is the part, or still the input and the part lies beside it. */
static int finish_single(struct spool_worker *w, struct slot *s, struct listing *l, struct entry *mark)
{
	struct entry *part = entry_find(l, 'o', mark->n.lead);
	if (part && sys_replace(s->dir, part->file, s->dir, mark->file) < 0)
		return -1;
	if (part)
		part->gone = true;
	if (target_publish(w, s, mark->file, mark->n.dest, &mark->n.target, 0) < 0)
		return -1;
	mark->gone = true;
	return 0;
}

static int roll_forward(struct spool_worker *w, struct slot *s, struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].gone && l->v[i].n.role == 'c' && finish_mark(w, s, l, &l->v[i]) < 0)
			return -1;
	for (size_t i = 0; i < l->n; i++)
		if (!l->v[i].gone && l->v[i].n.role == 's' && finish_single(w, s, l, &l->v[i]) < 0)
			return -1;
	return 0;
}

/* R5: parts of what was not committed, notes without a batch, the spare. */
static int remove_parts(struct spool_worker *w, struct slot *s, struct listing *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct entry *e = &l->v[i];
		/* what is in a spare only a state store can tell */
		bool asked = w->state && s == w->own;
		if (e->gone || (e->n.role == 'r' && !asked) || e->n.role == 'i' || (e->n.role == 'n' && entry_lead(l, e->n.lead)))
			continue;
		if (e->n.role == 'o' && e->n.target.blobs && blob_drop(w->queue->root, e->n.target.name) < 0)
			return -1;
		if (entry_unlink(s, e) < 0)
			return -1;
	}
	return 0;
}

/* R6: an input goes back to where it was, with one more death in its name if its record was running when its worker
 * died. */
static int give_back(struct spool_worker *w, struct slot *s, struct entry *e, const char *blamed, int record)
{
	struct spool_name n = e->n.target;
	char file[NAME_FILE_SIZE];
	if (strcmp(n.name, blamed) == 0) {
		n.kills++;
		n.record = record;
	}
	name_put(file, &n);
	const struct spool_dir *d = n.due >= 0 ? w->queue->defer : w->queue->new;
	if (sys_rename(s->dir, e->file, d, file) < 0) {
		if (errno == EEXIST)
			spool_die("%s/%s exists", d->path, file);
		return -1;
	}
	if (n.due >= 0) {
		scan_add(&w->defer, file);
		if (w->opt.ordered && n.key[0])
			held_add(w, n.key, n.due);
	} else {
		scan_add(&w->new, file);
		level_add(w->queue, 1, 0);
	}
	e->gone = true;
	return 0;
}

/* The same for an input that stays because its notes must be used: only the death is written into its name. */
static int blame_in_place(struct slot *s, struct entry *e, int record)
{
	char file[NAME_SLOT_SIZE];
	e->n.target.kills++;
	e->n.target.record = record;
	name_put_slot(file, &e->n);
	if (sys_rename(s->dir, e->file, s->dir, file) < 0)
		return -1;
	memcpy(e->file, file, sizeof file);
	return 0;
}

static int roll_back(struct spool_worker *w, struct slot *s, struct listing *l, bool *adopt)
{
	char blamed[NAME_SIZE] = "";
	int record = 0;
	if (!page_blames(s, blamed, &record))
		blamed[0] = '\0';
	for (size_t i = 0; i < l->n; i++) {
		struct entry *e = &l->v[i];
		if (e->gone || e->n.role != 'i')
			continue;
		if (entry_find(l, 'n', e->n.lead)) {
			*adopt = true;
			if (strcmp(e->n.target.name, blamed) == 0) {
				page_stop(s); /* before: dying here must not count one death twice */
				if (blame_in_place(s, e, record) < 0)
					return -1;
			}
		} else if (give_back(w, s, e, blamed, record) < 0) {
			return -1;
		}
	}
	return 0;
}

int slot_recover(struct spool_worker *w, struct slot *s, bool *adopt)
{
	struct listing l = {.slot = s->dir->path};
	*adopt = false;
	if (s == w->own)
		quick_drop(w);
	/* R1, also if it looks empty: what is seen here may be in memory only, and nothing may be built on that */
	if (dir_fsync(s->dir) < 0)
		spool_die("fsync %s:", s->dir->path);
	int r = w->state && s == w->own ? quick_redo(w) : 0;
	if (r == 0)
		r = dir_list(s->dir, entry_seen, &l);
	if (r == 0 && w->state && s == w->own)
		r = set_marks(w, s, &l);
	if (r == 0)
		r = roll_forward(w, s, &l);
	if (r == 0)
		r = remove_parts(w, s, &l);
	if (r == 0)
		r = roll_back(w, s, &l, adopt);
	int err = errno;
	free(l.v);
	errno = err;
	if (r < 0) {
		log_msg(LOG_WARN, "recovery of %s, to be repeated:", s->dir->path);
		errno = err;
		return -1;
	}
	if (dir_fsync(s->dir) < 0) /* R7 */
		spool_die("fsync %s:", s->dir->path);
	page_stop(s);
	return 0;
}

/* ---- siblings ---- */

static bool other_seen(void *ctx, const char *file)
{
	bool *busy = ctx;
	*busy = strcmp(file, "lock") != 0;
	return !*busy;
}

static bool number_seen(void *ctx, const char *file)
{
	bool *present = ctx;
	char *end;
	long n = strtol(file, &end, 10);
	if (!*end && n >= 1 && n <= SPOOL_SLOTS)
		present[n] = true;
	return true;
}

void siblings_recover(struct spool_worker *w)
{
	bool present[SPOOL_SLOTS + 1] = {false};
	if (w->act != w->own || dir_list(w->queue->cur, number_seen, present) < 0)
		return;
	for (int i = 1; i <= SPOOL_SLOTS; i++) {
		if (!present[i] || i == w->own->number)
			continue;
		struct slot *s = slot_take(w->queue->cur, i, false);
		if (!s)
			continue; /* alive */
		bool busy = false, adopt = false;
		if (dir_list(s->dir, other_seen, &busy) == 0 && busy) {
			log_event(LOG_WARN, NULL, "dead-sibling", "slot", s->dir->path, NULL);
			(void)slot_recover(w, s, &adopt);
		}
		if (adopt) {
			w->act = s;
			w->adopt = true;
			return;
		}
		slot_release(s);
	}
}
