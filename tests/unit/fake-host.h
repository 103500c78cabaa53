/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A control socket over fake services, and "hvis-host ctl" run against it on another thread while
 * the main context serves. For the tests of both ends.
 */
#pragma once

#include "host/control.h"
#include "util/error.h"

typedef struct {
	char *dir, *socket;
	HostServices *services;
	Control *control;
	guint resets, quits;
	gboolean reset_fails;
} FakeHost;

void fake_host_start(FakeHost *host, gboolean machine); /* with a machine to reset or without */
void fake_host_stop(FakeHost *host);

/* What one command did. */
typedef struct {
	HvisExit status;
	char *out, *error; /* error NULL where there was none */
} CtlResult;

/* Start @line (split as a shell does), serve until it ends. Clear the result with ctl_result_clear. */
CtlResult fake_host_ctl(FakeHost *host, const char *line);
void ctl_result_clear(CtlResult *result);

/* The same in two steps, for what happens in between. */
typedef struct CtlRun CtlRun;
CtlRun *fake_host_ctl_start(FakeHost *host, const char *line);
CtlResult fake_host_ctl_end(CtlRun *run);

/* Serve until @condition. */
void fake_host_until(gboolean (*condition)(gpointer data), gpointer data);

/* Run @line and compare. @error: what the message must contain, NULL = there is none. */
void fake_host_expect(
	FakeHost *host, const char *line, HvisExit status, const char *out, const char *error);
/* What the services were asked must be exactly this; forgets it. */
void fake_host_expect_asked(const char *log);
