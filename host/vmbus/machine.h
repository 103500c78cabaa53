/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the VMBus host needs of the machine below it: SynIC messages and events, guest memory, the
 * partition's clock. host/vm implements it on KVM; tests implement it on a page array.
 *
 * All of this is called, and calls back, on the thread that runs the default main context. The
 * machine does the hand-over from its vCPU threads; nobody above it takes a lock.
 */
#pragma once

#include <glib.h>

typedef struct Machine Machine;

typedef struct {
	/* A message that the guest posted with HvPostMessage to @port, at most HVIS_MESSAGE_MAX
	 * bytes, already copied out of guest memory. */
	void (*message)(gpointer data, guint32 port, const guint8 *payload, gsize len);
	/* The guest signalled connection @connection_id (HvSignalEvent). */
	void (*signalled)(gpointer data, guint32 connection_id);
	/* The machine was reset: all state of the guest is gone. */
	void (*reset)(gpointer data);
} MachineClient;

typedef struct {
	/* @client must outlive the machine; one at a time. */
	void (*set_client)(Machine *machine, const MachineClient *client, gpointer data);

	/* Which connection ids HvPostMessage takes: bit n = id n, ids below 32. All others are
	 * answered HV_STATUS_INVALID_CONNECTION_ID by the machine at once. */
	void (*set_ports)(Machine *machine, guint32 mask);

	/* Queue a message for SINT2 of virtual processor @vp. Messages to one processor keep their
	 * order; a full slot is waited for by the end-of-message notification, never by polling. */
	void (*post)(Machine *machine, guint32 vp, const void *payload, gsize len);

	/* Forget all messages that are queued and not yet in a slot. */
	void (*flush)(Machine *machine);

	/* Set event flag @flag of SINT2 on @vp and raise the interrupt where it was clear. */
	void (*set_event)(Machine *machine, guint32 vp, guint32 flag);

	/* Let HvSignalEvent on @connection_id reach client->signalled(), or stop it. */
	gboolean (*connect_event)(Machine *machine, guint32 connection_id, GError **error);
	void (*disconnect_event)(Machine *machine, guint32 connection_id);

	/*
	 * Map guest pages @pfns as one piece of memory, readable and writable, whatever their order;
	 * the guest can change it at any time. HVIS_ERROR_PROTOCOL where a page is not RAM.
	 */
	gpointer (*map)(Machine *machine, const guint64 *pfns, gsize n_pages, GError **error);
	void (*unmap)(Machine *machine, gpointer address, gsize n_pages);

	/* The partition's reference counter (TIME_REF_COUNT), 100 ns units. */
	guint64 (*reference_time)(Machine *machine);

	guint (*n_vps)(Machine *machine);
} MachineOps;

/* First member of every implementation. */
struct Machine {
	const MachineOps *ops;
};
