/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv_vss_guard WORKER-FD DAEMON-PIDFD MARKER: see guard.h.
 * hv_vss_guard --thaw-left-over [MARKER]: undo what nobody was left to undo.
 * hv_vss_guard --open: see enter.h.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vssd/enter.h"
#include "vssd/guard.h"
#include "vssd/prove.h"

/* The last that the kernel kills where memory is short; never mind where it does not let us. */
static void keep_alive(void)
{
	static const char least[] = "-1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, least, strlen(least)) < 0 && errno != EACCES && errno != EPERM)
		perror("hv_vss_guard: oom_score_adj");
	close(fd);
}

/* Whoever ends the service does not end this. */
static void hold_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int guard(char **argv)
{
	int result;

	hold_signals();
	keep_alive();
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0) {
		perror("hv_vss_guard: mlockall"); /* and so no freeze: the worker has no answer */
		return 3;
	}
	result = vss_guard_run(&vss_fs_system, NULL, atoi(argv[1]), atoi(argv[2]), argv[3]);
	if (result == 1)
		fputs("hv_vss_guard: thawed what was left frozen\n", stderr);
	else if (result == 2)
		fputs("hv_vss_guard: something may still be frozen\n", stderr);
	return result == 2 ? 3 : result;
}

int main(int argc, char **argv)
{
	vss_prove_init();
	if ((argc == 2 || argc == 3) && strcmp(argv[1], "--thaw-left-over") == 0)
		return vss_guard_thaw_left_over(argc == 3 ? argv[2] : VSS_MARKER) == 2 ? 3 : 0;
	if (argc == 2 && strcmp(argv[1], VSS_ENTER_OPTION) == 0)
		return vss_enter_serve(STDIN_FILENO);
	if (argc != 4) {
		fputs("usage: hv_vss_guard --thaw-left-over [MARKER]\n", stderr);
		return 2;
	}
	return guard(argv);
}
