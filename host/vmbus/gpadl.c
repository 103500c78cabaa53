/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's page lists: created by one header and as many bodies as it takes, answered once when
 * complete, kept until torn down. Validation is hvis/gpadl.h; here is who owns which identifier.
 *
 * Nothing is mapped here: who uses a list maps it, and has let go before TORNDOWN is sent.
 */
#include "config.h"

#include "host/vmbus/parts.h"

#define GPADLS_MAX 16384u /* ours: netvsc with 64 channels has some 70 */
#define GPADL_PAGES_ALL_MAX (4u << 20) /* ours: 16 GiB described, 32 MiB of our memory */

static void gpadl_free(gpointer data)
{
	Gpadl *gpadl = data;

	g_array_unref(gpadl->pfns);
	g_free(gpadl);
}

GHashTable *gpadl_table_new(void)
{
	return g_hash_table_new_full(NULL, NULL, NULL, gpadl_free);
}

gboolean gpadl_complete(const Gpadl *gpadl)
{
	return gpadl->pfns->len == gpadl->shape.pages;
}

static void drop(VmbusHost *host, const Gpadl *gpadl)
{
	host->gpadl_pages -= gpadl->shape.pages;
	g_hash_table_remove(host->gpadls, GUINT_TO_POINTER(gpadl->shape.gpadl));
}

void gpadl_drop_all(VmbusHost *host, guint32 relid)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, host->gpadls);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		const Gpadl *gpadl = value;

		if (relid && gpadl->shape.relid != relid)
			continue;
		host->gpadl_pages -= gpadl->shape.pages;
		g_hash_table_iter_remove(&iter);
	}
}

static void answer(VmbusHost *host, const struct hvis_gpadl_shape *shape, guint32 status)
{
	struct hvis_msg_gpadl_created created = {
		.relid = hvis_le32_make(shape->relid),
		.gpadl = hvis_le32_make(shape->gpadl),
		.status = hvis_le32_make(status),
	};
	guint64 owed = vmbus_promise(
		host, "GPADL_CREATED for relid %u, gpadl 0x%x", shape->relid, shape->gpadl);

	vmbus_send(host, HVIS_MSG_GPADL_CREATED, shape->relid, owed, &created, sizeof(created));
}

/* May a list of @shape exist? NULL, or why not, with the status to answer. */
static const char *refusal(VmbusHost *host, const struct hvis_gpadl_shape *shape, guint32 *status)
{
	const VmbusChannel *channel = channel_find(host, shape->relid);

	*status = HVIS_NT_INVALID_PARAMETER;
	if (!channel || channel->state == CHANNEL_IDLE)
		return "no such relid";
	if (g_hash_table_contains(host->gpadls, GUINT_TO_POINTER(shape->gpadl)))
		return "the identifier is taken";
	*status = HVIS_NT_INVALID_STATE;
	if (channel->state == CHANNEL_RESCINDED)
		return "the channel is rescinded";
	*status = HVIS_NT_NO_RESOURCES;
	if (g_hash_table_size(host->gpadls) >= GPADLS_MAX)
		return "too many";
	if (host->gpadl_pages + shape->pages > GPADL_PAGES_ALL_MAX)
		return "too many pages in all";
	return NULL;
}

/* Take what the message has of page numbers; answer when the list is complete, or wrong. */
static void take_pages(VmbusHost *host, Gpadl *gpadl, const guint8 *message, gsize len, gsize fixed)
{
	guint64 pfns[HVIS_MESSAGE_MAX / sizeof(hvis_le64)];
	guint32 n = hvis_gpadl_count(len, fixed, gpadl->shape.pages - gpadl->pfns->len);
	enum hvis_gpadl_result result;

	result = hvis_gpadl_take(message, fixed, n, pfns);
	if (result != HVIS_GPADL_OK) {
		struct hvis_gpadl_shape shape = gpadl->shape;

		vmbus_violation(host, "gpadl 0x%x with an impossible page number", shape.gpadl);
		drop(host, gpadl);
		answer(host, &shape, HVIS_NT_INVALID_PARAMETER);
		return;
	}
	g_array_append_vals(gpadl->pfns, pfns, n);
	if (gpadl_complete(gpadl))
		answer(host, &gpadl->shape, HVIS_NT_OK);
}

static const char *result_text(enum hvis_gpadl_result result)
{
	switch (result) {
	case HVIS_GPADL_OK:
		return "sound";
	case HVIS_GPADL_TRUNCATED:
		return "cut short";
	case HVIS_GPADL_RANGES:
		return "more or less than one range";
	case HVIS_GPADL_EMPTY:
		return "no bytes";
	case HVIS_GPADL_OFFSET:
		return "an offset beyond the first page";
	case HVIS_GPADL_TOO_LARGE:
		return "too many pages";
	case HVIS_GPADL_BUFLEN:
		return "range length and byte count differ";
	case HVIS_GPADL_BAD_PAGE:
		return "an impossible page number";
	}
	return "unknown";
}

void gpadl_header(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_gpadl_shape shape;
	enum hvis_gpadl_result result = hvis_gpadl_decode(message, len, &shape);
	guint32 status = HVIS_NT_INVALID_PARAMETER;
	const char *why;
	Gpadl *gpadl;

	if (result == HVIS_GPADL_TRUNCATED)
		return; /* dispatch.c has seen to it */
	why = result != HVIS_GPADL_OK ? result_text(result) : refusal(host, &shape, &status);
	if (why) {
		vmbus_violation(
			host, "gpadl 0x%x for relid %u refused: %s", shape.gpadl, shape.relid, why);
		answer(host, &shape, status);
		return;
	}
	gpadl = g_new0(Gpadl, 1);
	gpadl->shape = shape;
	gpadl->pfns = g_array_new(FALSE, FALSE, sizeof(guint64));
	g_hash_table_insert(host->gpadls, GUINT_TO_POINTER(shape.gpadl), gpadl);
	host->gpadl_pages += shape.pages;
	take_pages(host, gpadl, message, len, sizeof(struct hvis_msg_gpadl_header));
}

/* The bodies behind a refused header end here too, and are only counted. */
void gpadl_body(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_gpadl_body body;
	Gpadl *gpadl;

	memcpy(&body, message, sizeof(body));
	gpadl = g_hash_table_lookup(host->gpadls, GUINT_TO_POINTER(hvis_le32_get(body.gpadl)));
	if (!gpadl || gpadl_complete(gpadl))
		vmbus_violation(host, "GPADL_BODY for 0x%x, which is %s", hvis_le32_get(body.gpadl),
			gpadl ? "complete" : "unknown");
	else
		take_pages(host, gpadl, message, len, sizeof(body));
}

static void answer_torndown(VmbusHost *host, guint32 relid, guint32 id)
{
	struct hvis_msg_gpadl_torndown torndown = { .gpadl = hvis_le32_make(id) };
	guint64 owed = vmbus_promise(host, "GPADL_TORNDOWN for gpadl 0x%x", id);

	vmbus_send(host, HVIS_MSG_GPADL_TORNDOWN, relid, owed, &torndown, sizeof(torndown));
}

/*
 * A list that nobody knows is answered too: the guest waits, and nobody uses it. That of another
 * channel is not: it is in use for all we know. An open channel is stopped before it loses its ring.
 */
void gpadl_teardown(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_gpadl_teardown teardown;
	guint32 relid, id;
	VmbusChannel *channel;
	const Gpadl *gpadl;

	memcpy(&teardown, message, sizeof(teardown));
	relid = hvis_le32_get(teardown.relid);
	id = hvis_le32_get(teardown.gpadl);
	gpadl = g_hash_table_lookup(host->gpadls, GUINT_TO_POINTER(id));
	channel = channel_find(host, relid);
	if (gpadl && gpadl->shape.relid != relid) {
		vmbus_violation(host, "relid %u tears down gpadl 0x%x of relid %u", relid, id,
			gpadl->shape.relid);
		return;
	}
	if (!gpadl)
		vmbus_violation(
			host, "relid %u tears down gpadl 0x%x, which is unknown", relid, id);
	else if (channel && channel->state == CHANNEL_OPEN && channel->gpadl == id)
		channel_break(channel, "its gpadl 0x%x was torn down while it was open", id);
	gpadl = g_hash_table_lookup(host->gpadls, GUINT_TO_POINTER(id));
	if (gpadl)
		drop(host, gpadl);
	answer_torndown(host, relid, id);
}
