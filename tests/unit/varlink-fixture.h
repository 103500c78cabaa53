/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The server under test of the Varlink tests: interface io.test on a socket in a directory of its
 * own, served on the main context of the test.
 */
#pragma once

#include <varlink/varlink.h>

typedef struct {
	char *dir, *path;
	VarlinkServer *server;
	GPtrArray *parked; /* calls that a handler kept */
	guint hung_up, touched, notified;
} VarlinkFixture;

void varlink_fixture_set_up(VarlinkFixture *f, gconstpointer data);
/* Checks that nothing is left: no kept call, no socket, no lock file. */
void varlink_fixture_tear_down(VarlinkFixture *f, gconstpointer data);

/* Run the main context until it has nothing to do. */
void varlink_fixture_settle(void);
