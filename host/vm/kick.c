// SPDX-License-Identifier: GPL-2.0-only
/*
 * Starting and kicking processor threads.
 */
#include "config.h"

#include "host/vm/kick.h"

#include <signal.h>
#include "util/error.h"

#define KICK_SIGNAL (SIGRTMIN + 1)

static void on_kick(int signal G_GNUC_UNUSED)
{
	/* Its arrival is all that is wanted. */
}

static void kick_install(void)
{
	static gsize done;
	struct sigaction action = { .sa_handler = on_kick };

	if (!g_once_init_enter(&done))
		return;
	sigemptyset(&action.sa_mask);
	sigaction(KICK_SIGNAL, &action, NULL);
	g_once_init_leave(&done, 1);
}

gboolean kick_start(pthread_t *thread, struct kvm_run *run, const char *name, void *(*func)(void *),
	gpointer data, GError **error)
{
	sigset_t blocked, saved;
	int err;

	kick_install();
	__atomic_store_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	sigfillset(&blocked);
	sigdelset(&blocked, KICK_SIGNAL);
	pthread_sigmask(SIG_SETMASK, &blocked, &saved);
	err = pthread_create(thread, NULL, func, data);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (err)
		return hvis_fail_errno(error, err, "thread %s", name);
	pthread_setname_np(*thread, name);
	return TRUE;
}

void kick_out(pthread_t thread, struct kvm_run *run)
{
	__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(thread, KICK_SIGNAL);
}
