/*
 * send.h - smtp-send: what its files share.
 *
 * A parcel is one mail.out in work: the record's item, and the mail that is made of it for an engine. Parcels live for
 * one batch.
 */
#ifndef CPMAIL_SMTP_SEND_H
#define CPMAIL_SMTP_SEND_H

#include "frame/frame.h"
#include "smtp/smtp.h"

/* Which queue this process serves (docs/delivery.md). */
enum send_lane {
	LANE_ONLY, /* there is no other: every destination is waited for as long as RFC 5321 wants it */
	LANE_MAIN, /* slow destinations are handed to the slow lane */
	LANE_SLOW  /* those of the main lane; several workers */
};

struct send {
	const char *host_option;		 /* -h HOST:PORT */
	const char *maildir_option;		 /* -m DIR */
	int timeout_s;				 /* -t */
	const struct smtp_engine *engine_option; /* --engine: for every route with hosts */
	enum send_lane lane;
	struct frame *frame;
	struct smtp_settings settings;
	struct {
		const struct smtp_engine *engine;
		void *state;
	} engines[3];
	struct route *fixed;	 /* by -h or -m */
	struct route *fixed_tls; /* the same for mails that require TLS */
	const struct conf *conf;
	char *user, *password, *ca_file;
	int64_t batch_mono_us; /* when the batch was begun */
};

/* A route out of a record or the options, with all that it points to. */
struct route {
	const struct smtp_engine *engine;
	struct smtp_route smtp;
	struct smtp_host *hosts;
	char *key; /* the same for routes that may share a connection */
};

struct parcel {
	struct frame_item *item;
	struct smtp_mail mail;
	struct buf text;    /* an inline body */
	struct buf envid;   /* decoded */
	struct buf *orcpts; /* decoded, one per recipient */
	struct smtp_param *params;
	struct route *route;	  /* NULL: nothing to be sent */
	bool owns_route, bad;	  /* bad: the item has failed */
	bool given;		  /* to an engine */
	struct smtp_mail **group; /* the list that its engine got, owned by its first */
};

/* route.c */
/* NULL with a reason: the record's route cannot be followed. require_tls: whatever the route says (sips, 2.1). */
struct route *route_read(struct send *s, const json_t *route, bool require_tls, const char **why);
/* From -h or -m; ends the process when the name cannot be resolved. */
struct route *route_fixed(struct send *s, bool require_tls);
void route_free(struct route *r);

/* parcel.c */
/* Fill p from it->in; a record that cannot be sent is failed (p->bad). An outcome noted before a crash is taken over.
 */
void parcel_open(struct send *s, struct parcel *p, struct frame_item *it);
void parcel_free(struct parcel *p);
/* What is decided so far, for item_note(). */
void parcel_note(const struct parcel *p, struct buf *out);

/* outcome.c */
extern const struct metric send_metrics[];
/* A mail.result of these results (not adopted). */
void parcel_tell(struct parcel *p, json_t *results);
/* Results and deferral, once all recipients are decided (1.2, transient results). */
void parcel_conclude(struct send *s, struct parcel *p);

#endif
