/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the host's request to the answer. What a host may do to which pool is one table, what a
 * failure looks like to it is another; both are shown here so that tests can read them whole.
 *
 *              external  guest   auto    auto-external  auto-internal
 *   SET        yes       no      no      yes            yes
 *   DELETE     yes       yes     no      yes            yes
 *   GET        yes       yes     yes     yes            yes
 *   ENUMERATE  yes       yes     yes     yes            yes
 *
 * Real hosts write external and auto-external; auto-internal has no other owner, and older daemons
 * took such writes. The guest pool is the guest's to write, but a host may take away what it has
 * read. The auto pool is computed. GET_IP_INFO has no pool; SET_IP_INFO
 * has none either, and is for somebody else to do.
 *
 * An enumeration sees one snapshot of its pool, taken at index 0. What the store has in memory is
 * answered at once.
 */
#pragma once

#include <glib.h>

#include <util/clock.h>
#include <wire/kvp-device.h>

#include "kvpd/netstate.h"
#include "kvpd/policy.h"
#include "kvpd/store.h"

#define KVP_CURSOR_MS 60000u /* ours: an enumeration that pauses longer gets a new snapshot */

typedef struct KvpDispatch KvpDispatch;
typedef struct KvpJob KvpJob;

/* Where the answers that are no files come from; called on the main context. */
typedef struct {
	KvpRecords *(*facts)(gpointer data); /* a new reference */
	const NetState *(*network)(gpointer data);
} KvpDispatchOps;

KvpDispatch *kvp_dispatch_new(
	const KvpDispatchOps *ops, KvpStore *store, HvisClock *clock, gpointer data);
void kvp_dispatch_free(KvpDispatch *dispatch);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpDispatch, kvp_dispatch_free)

/* KVP_POLICY_ON at first; counts for requests that come later. */
void kvp_dispatch_set_policy(KvpDispatch *dispatch, KvpPolicy policy);

/*
 * One request, in three steps: new and finish on the main context; between them, where the job
 * needs files, run, in any thread. A job may outlive its dispatch if it is not finished. Takes @request.
 */
KvpJob *kvp_job_new(KvpDispatch *dispatch, KvpRequest *request);
gboolean kvp_job_needs_files(const KvpJob *job);
void kvp_job_run(KvpJob *job);

/*
 * What the job wants of setip.c before it can be finished, NULL where it is no such job; and how that
 * ended (NULL = well; else copied). Without the latter it is finished as not supported.
 */
const KvpIp *kvp_job_ip(const KvpJob *job);
void kvp_job_ip_done(KvpJob *job, const GError *error);

/*
 * Make the answer. Returns its status; the reason of a failure is in kvp_job_error(), which is NULL
 * for HVIS_E_NO_MORE_ITEMS.
 */
guint32 kvp_job_finish(KvpDispatch *dispatch, KvpJob *job, struct hvis_kvp_dev_msg *msg);
const GError *kvp_job_error(const KvpJob *job);

/* What the job is about; the job's own. */
const KvpRequest *kvp_job_request(const KvpJob *job);
void kvp_job_free(KvpJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpJob, kvp_job_free)

/* HVIS_ERROR_UNSUPPORTED for what the table forbids or does not know, _INVALID for another pool. */
gboolean kvp_dispatch_check(guint8 op, guint8 pool, GError **error);

/* What the host is told of @error. */
guint32 kvp_dispatch_status(const GError *error);

const char *kvp_dispatch_op_name(guint8 op); /* "set"; "unknown" */

/* How many bytes of @text the host can be given: whole characters, @units UTF-16 units, @bytes. */
gsize kvp_dispatch_fit(const char *text, gsize units, gsize bytes);
