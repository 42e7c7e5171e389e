#include "spool/page.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static struct slot *held;

const char *boot_id(void)
{
	static char id[40];
	if (id[0])
		return id;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, id, sizeof id - 1);
	if (fd >= 0)
		close(fd);
	id[n < 0 ? 0 : n] = '\0';
	id[strcspn(id, "\n")] = '\0';
	if (!id[0])
		snprintf(id, sizeof id, "unknown");
	return id;
}

/* Written, not only truncated: a hole could need space at the first store, and a full disk would then be a SIGBUS. */
static int page_fill(int fd)
{
	struct stat st;
	if (sys_stat(fd, &st) < 0)
		return -1;
	if (st.st_size >= PAGE_OCTETS)
		return 0;
	static const char zeros[PAGE_OCTETS];
	return pwrite(fd, zeros, sizeof zeros, 0) == (ssize_t)sizeof zeros ? 0 : -1;
}

struct slot *slot_take(const struct spool_dir *cur, int number, bool make)
{
	char name[8];
	snprintf(name, sizeof name, "%d", number);
	/* also when it is there already: who made it may have died before it was durable */
	if (make && (dir_make(cur, name) < 0 || dir_fsync(cur) < 0))
		return NULL;
	struct spool_dir *dir = dir_open(cur, name);
	if (!dir)
		return NULL;
	int fd = sys_open_create(dir, "lock");
	if (fd < 0 || sys_flock(fd) < 0 || page_fill(fd) < 0)
		goto fail;
	void *at = mmap(NULL, PAGE_OCTETS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		goto fail;
	struct slot *s = xcalloc(1, sizeof *s);
	*s = (struct slot){.number = number, .lock = fd, .dir = dir, .page = at, .next = held};
	held = s;
	return s;
fail:;
	int err = errno;
	if (fd >= 0)
		close(fd);
	dir_close(dir);
	errno = err;
	return NULL;
}

bool slot_is_ordered(const struct spool_dir *cur, int number)
{
	char name[16];
	struct page page = {.ordered = 1};
	snprintf(name, sizeof name, "%d/lock", number);
	int fd = sys_open(cur, name, O_RDONLY);
	bool read = fd >= 0 && pread(fd, &page, sizeof page, 0) == (ssize_t)sizeof page;
	if (fd >= 0)
		close(fd);
	return !read || page.ordered; /* if it cannot be known: yes */
}

void slot_release(struct slot *s)
{
	for (struct slot **p = &held; *p; p = &(*p)->next)
		if (*p == s) {
			*p = s->next;
			break;
		}
	munmap(s->page, PAGE_OCTETS);
	close(s->lock);
	dir_close(s->dir);
	free(s);
}

bool page_blames(const struct slot *s, char batch[NAME_SIZE], int *record)
{
	int running = __atomic_load_n(&s->page->running, __ATOMIC_ACQUIRE);
	if (running < 1 || strncmp(s->page->boot, boot_id(), sizeof s->page->boot) != 0)
		return false;
	memcpy(batch, s->page->batch, NAME_SIZE);
	batch[NAME_SIZE - 1] = '\0';
	*record = running - 1;
	return true;
}

void page_run(struct slot *s, const char *batch, int record)
{
	struct page *p = s->page;
	if (strcmp(p->batch, batch) != 0 || strcmp(p->boot, boot_id()) != 0) {
		page_stop(s);
		snprintf(p->boot, sizeof p->boot, "%s", boot_id());
		snprintf(p->batch, sizeof p->batch, "%s", batch);
	}
	/* the name stands before the number does, whenever the process dies */
	__atomic_store_n(&p->running, record + 1, __ATOMIC_RELEASE);
}

void page_stop(struct slot *s)
{
	__atomic_store_n(&s->page->running, 0, __ATOMIC_SEQ_CST);
}

void page_blame_none(void)
{
	for (struct slot *s = held; s; s = s->next)
		page_stop(s);
}
