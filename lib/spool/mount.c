#include "spool/queue.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Network and user-space file systems: an fsync there means what a peer says it means, and locks may be advisory in
 * name only. */
static const char *const refused[] = {"nfs",  "nfs4", "cifs",	   "smb3",  "smbfs", "9p", "afs",
				      "ceph", "gfs2", "glusterfs", "ncpfs", "coda",  NULL};
/* Those known to make a new file's name durable with the file's own fsync. */
static const char *const normal[] = {"ext4", "xfs", NULL};

static bool among(const char *const *list, const char *s)
{
	for (; *list; list++)
		if (strcmp(*list, s) == 0)
			return true;
	return false;
}

/* \040 and friends, as the kernel escapes blanks in mountinfo. */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		unsigned int c;
		if (s[0] == '\\' && sscanf(s + 1, "%3o", &c) == 1 && s[1] && s[2] && s[3]) {
			*to++ = (char)c;
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}

static bool below(const char *path, const char *mount)
{
	size_t n = strlen(mount);
	return strcmp(mount, "/") == 0 || (strncmp(path, mount, n) == 0 && (path[n] == '/' || !path[n]));
}

static bool has_option(const char *options, const char *want)
{
	size_t n = strlen(want);
	for (const char *p = options; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (strncmp(p, want, n) == 0 && (p[n] == ',' || !p[n]))
			return true;
	return false;
}

static int judge(const char *type, const char *options, char why[160])
{
	if (among(refused, type) || strncmp(type, "fuse", 4) == 0) {
		snprintf(why, 160, "a spool cannot live on %.40s", type);
		return -1;
	}
	static const char *const bad[] = {"data=writeback", "barrier=0", "nobarrier", NULL};
	for (int i = 0; bad[i]; i++)
		if (has_option(options, bad[i])) {
			snprintf(why, 160, "a spool cannot live on %.40s mounted with %s", type, bad[i]);
			return -1;
		}
	return among(normal, type) ? FORM_NORMAL : FORM_STRICT;
}

int mount_form(const char *path, char why[160])
{
	char real[PATH_MAX];
	why[0] = '\0';
	FILE *f = fopen("/proc/self/mountinfo", "re");
	if (!f || !realpath(path, real)) {
		if (f)
			fclose(f);
		return FORM_STRICT; /* nothing is known: promise nothing to ourselves */
	}
	char *line = NULL, type[64], best_type[64] = "";
	char *options = NULL;
	size_t cap = 0, best = 0;
	while (getline(&line, &cap, f) > 0) {
		char *mount = NULL, *super = NULL;
		char *dash = strstr(line, " - ");
		if (dash && sscanf(line, "%*d %*d %*s %*s %ms", &mount) == 1 &&
		    sscanf(dash, " - %63s %*s %ms", type, &super) == 2) {
			unescape(mount);
			/* the last one mounted on the same place hides the others */
			if (below(real, mount) && strlen(mount) >= best) {
				best = strlen(mount);
				memcpy(best_type, type, sizeof type);
				free(options);
				options = super;
				super = NULL;
			}
		}
		free(mount);
		free(super);
	}
	free(line);
	fclose(f);
	int form = options ? judge(best_type, options, why) : FORM_STRICT;
	free(options);
	return form;
}
