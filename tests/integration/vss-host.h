/* SPDX-License-Identifier: GPL-2.0-only */
/* The host, for a backup daemon at the socket of "hvis-host link", and the loop of who plays it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

extern struct host {
	int listener, connection, children; /* descriptors; connection -1: none */
	bool ready; /* a daemon has registered */
	uint8_t asked; /* the operation that is not answered yet; 0 */
	uint32_t status; /* of the last answer; a failure where the daemon went away */
} host;

/* Wait for a daemon at DIR/hv_vss. From here on SIGCHLD is blocked. */
void host_listen(const char *dir);

/* No connection any more. */
void host_hang_up(void);

/* Nothing where nobody is connected. */
void host_ask(uint8_t op);

/* Whatever happens next, to the tracer's processes too, or until @us have passed. */
void host_go_on(int64_t us);

/* Go on until @done; false where that takes longer than @limit_us. */
bool host_until(bool (*done)(void), int64_t limit_us);
