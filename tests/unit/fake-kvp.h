/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest's KVP service in a few lines, for tests of the host's: five pools in memory, answers as
 * hv_utils and its daemon give them together, in message versions 3 to 5. It knows the wire by
 * itself, so that an error of the host's encoder is not undone by the same error here.
 */
#pragma once

#include <glib.h>
#include <hvis/kvp.h>

typedef struct {
	char *key, *value; /* UTF-8 */
} FakePair;

typedef struct {
	GPtrArray *pools[HVIS_KVP_POOL_N]; /* of FakePair */
	guint requests;
	gboolean endless; /* ENUMERATE never ends */
	guint8 last_op, last_pool;
	guint32 last_type; /* of SET */
	guint8 last_ip[sizeof(struct hvis_kvp_ip_wire)]; /* body of SET_IP_INFO */
} FakeKvp;

FakeKvp *fake_kvp_new(void);
void fake_kvp_free(FakeKvp *kvp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeKvp, fake_kvp_free)
void fake_kvp_add(FakeKvp *kvp, guint pool, const char *key, const char *value);
const char *fake_kvp_find(FakeKvp *kvp, guint pool, const char *key); /* NULL if absent */

/* Answer the request in @body, in place. Returns the status. */
guint32 fake_kvp_answer(FakeKvp *kvp, guint8 *body, gsize len);
