#include "spool/side.h"

#include <errno.h>
#include <signal.h>

static void *run(void *arg)
{
	struct side *s = arg;
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		if (!s->flush) {
			pthread_cond_wait(&s->wake, &s->lock);
			continue;
		}
		int (*flush)(const void *) = s->flush;
		const void *what = s->what;
		pthread_mutex_unlock(&s->lock);
		int error = flush(what) < 0 ? errno : 0;
		pthread_mutex_lock(&s->lock);
		s->flush = NULL;
		s->error = error;
		pthread_cond_signal(&s->done);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static bool start(struct side *s)
{
	if (s->started)
		return true;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	pthread_cond_init(&s->done, NULL);
	s->stop = false;
	sigset_t all, old; /* signals are the main thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	s->started = pthread_create(&s->thread, NULL, run, s) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return s->started;
}

void side_begin(struct side *s, int (*flush)(const void *what), const void *what)
{
	if (spool_sys_before || !start(s)) {
		s->error = flush(what) < 0 ? errno : 0;
		return;
	}
	pthread_mutex_lock(&s->lock);
	s->flush = flush;
	s->what = what;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

int side_end(struct side *s)
{
	if (s->started) {
		pthread_mutex_lock(&s->lock);
		while (s->flush)
			pthread_cond_wait(&s->done, &s->lock);
		pthread_mutex_unlock(&s->lock);
	}
	errno = s->error;
	return s->error ? -1 : 0;
}

void side_free(struct side *s)
{
	if (!s->started)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	s->started = false;
}
