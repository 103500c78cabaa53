/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine half of the fake guest: page array, message queue, event counters. It knows no
 * protocol.
 */
#include "config.h"

#include <stdio.h>
#include <sys/mman.h>

#include "tests/unit/fake-guest-private.h"
#include "util/error.h"

static void machine_set_client(Machine *machine, const MachineClient *client, gpointer data)
{
	FakeGuest *guest = (FakeGuest *)machine;

	guest->client = client;
	guest->client_data = data;
}

static void machine_set_ports(Machine *machine, guint32 mask)
{
	((FakeGuest *)machine)->ports = mask;
}

static void machine_post(Machine *machine, guint32 vp, const void *payload, gsize len)
{
	FakeGuest *guest = (FakeGuest *)machine;
	FakeMessage *message = g_new0(FakeMessage, 1);

	g_assert_cmpuint(vp, <, guest->n_vps);
	g_assert_cmpuint(len, <=, sizeof(message->bytes));
	message->vp = vp;
	message->len = len;
	memcpy(message->bytes, payload, len);
	g_queue_push_tail(&guest->messages, message);
}

static void machine_flush(Machine *machine)
{
	g_queue_clear_full(&((FakeGuest *)machine)->messages, g_free);
}

static void machine_set_event(Machine *machine, guint32 vp, guint32 flag)
{
	FakeGuest *guest = (FakeGuest *)machine;

	g_assert_cmpuint(vp, <, guest->n_vps);
	g_assert_cmpuint(flag, <=, HVIS_RELID_MAX);
	guest->events[flag]++;
	guest->event_vp[flag] = vp;
}

static gboolean machine_connect_event(Machine *machine, guint32 connection_id, GError **error)
{
	FakeGuest *guest = (FakeGuest *)machine;

	if (!g_hash_table_add(guest->connections, GUINT_TO_POINTER(connection_id)))
		return hvis_fail(error, HVIS_ERROR_EXISTS, "connection %u", connection_id);
	return TRUE;
}

static void machine_disconnect_event(Machine *machine, guint32 connection_id)
{
	FakeGuest *guest = (FakeGuest *)machine;

	g_assert_true(g_hash_table_remove(guest->connections, GUINT_TO_POINTER(connection_id)));
}

/* Neighbouring pages go by one call: ten thousand mappings are many. */
static gsize map_run(FakeGuest *guest, guint8 *at, const guint64 *pfns, gsize n)
{
	gsize run = 1;
	void *got;

	while (run < n && pfns[run] == pfns[0] + run)
		run++;
	got = mmap(at, run * HVIS_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		guest->fd, (off_t)(pfns[0] * HVIS_PAGE_SIZE));
	g_assert_true(got == at);
	return run;
}

gpointer fake_guest_map(FakeGuest *guest, const guint64 *pfns, gsize n)
{
	guint8 *base =
		mmap(NULL, n * HVIS_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	g_assert_true(base != MAP_FAILED);
	for (gsize i = 0; i < n;)
		i += map_run(guest, base + i * HVIS_PAGE_SIZE, pfns + i, n - i);
	return base;
}

static gpointer machine_map(Machine *machine, const guint64 *pfns, gsize n_pages, GError **error)
{
	FakeGuest *guest = (FakeGuest *)machine;

	for (gsize i = 0; i < n_pages; i++)
		if (pfns[i] >= FAKE_GUEST_PAGES) {
			hvis_fail(error, HVIS_ERROR_PROTOCOL, "page %" G_GUINT64_FORMAT, pfns[i]);
			return NULL;
		}
	guest->mappings++;
	return fake_guest_map(guest, pfns, n_pages);
}

static void machine_unmap(Machine *machine, gpointer address, gsize n_pages)
{
	FakeGuest *guest = (FakeGuest *)machine;

	g_assert_cmpuint(guest->mappings, >, 0);
	guest->mappings--;
	g_assert_cmpint(munmap(address, n_pages * HVIS_PAGE_SIZE), ==, 0);
}

static guint64 machine_reference_time(Machine *machine)
{
	return ((FakeGuest *)machine)->time;
}

static guint machine_n_vps(Machine *machine)
{
	return ((FakeGuest *)machine)->n_vps;
}

static const MachineOps machine_ops = {
	.set_client = machine_set_client,
	.set_ports = machine_set_ports,
	.post = machine_post,
	.flush = machine_flush,
	.set_event = machine_set_event,
	.connect_event = machine_connect_event,
	.disconnect_event = machine_disconnect_event,
	.map = machine_map,
	.unmap = machine_unmap,
	.reference_time = machine_reference_time,
	.n_vps = machine_n_vps,
};

/*
 * With FAKE_GUEST_RECORD=DIR in the environment each guest writes what it posts and signals to a
 * file of its own, as input for tests/fuzz/fuzz-vmbus-message.c. That is how its corpus was made.
 */
static void record(FakeGuest *guest, guint8 op, gconstpointer bytes, gsize len)
{
	const guint8 head[2] = { op, (guint8)len };

	if (!guest->record || len > G_MAXUINT8)
		return;
	fwrite(head, 1, sizeof(head), guest->record);
	fwrite(bytes, 1, len, guest->record);
}

static FILE *record_open(void)
{
	static guint n;
	const char *dir = g_getenv("FAKE_GUEST_RECORD");
	g_autofree char *program = g_path_get_basename(g_get_prgname() ? g_get_prgname() : "");
	g_autofree char *path = g_strdup_printf("%s/%s-%03u", dir ? dir : "", program, n++);
	FILE *file = dir ? fopen(path, "we") : NULL;

	g_assert_true(!dir || file);
	return file;
}

FakeGuest *fake_guest_new(guint n_vps)
{
	FakeGuest *guest = g_new0(FakeGuest, 1);

	guest->machine.ops = &machine_ops;
	guest->n_vps = n_vps;
	guest->fd = memfd_create("guest", MFD_CLOEXEC);
	g_assert_cmpint(guest->fd, >=, 0);
	g_assert_cmpint(ftruncate(guest->fd, (off_t)FAKE_GUEST_PAGES * HVIS_PAGE_SIZE), ==, 0);
	guest->memory = mmap(NULL, (gsize)FAKE_GUEST_PAGES * HVIS_PAGE_SIZE, PROT_READ | PROT_WRITE,
		MAP_SHARED, guest->fd, 0);
	g_assert_true(guest->memory != MAP_FAILED);
	guest->next_page = 16;
	guest->connections = g_hash_table_new(NULL, NULL);
	guest->offers = g_ptr_array_new_with_free_func(g_free);
	guest->next_gpadl = 0xe1e10;
	guest->record = record_open();
	return guest;
}

/* The host must have let go of everything that the test did not ask it to keep: tests count. */
void fake_guest_free(FakeGuest *guest)
{
	if (!guest)
		return;
	g_queue_clear_full(&guest->messages, g_free);
	g_hash_table_unref(guest->connections);
	g_ptr_array_unref(guest->offers);
	munmap(guest->memory, (gsize)FAKE_GUEST_PAGES * HVIS_PAGE_SIZE);
	close(guest->fd);
	g_clear_pointer(&guest->record, fclose);
	g_free(guest);
}

Machine *fake_guest_machine(FakeGuest *guest)
{
	return &guest->machine;
}

guint16 fake_guest_post(FakeGuest *guest, guint32 port, const void *message, gsize len)
{
	/* A buffer of the exact size, so that a read beyond it is seen by the sanitizer. */
	g_autofree guint8 *copy = g_memdup2(message, len);

	record(guest, port == HVIS_PORT_5_0 ? FAKE_RECORD_POST : FAKE_RECORD_POST_OLD, message,
		len);
	if (port >= 32 || !(guest->ports >> port & 1))
		return FAKE_INVALID_CONNECTION_ID;
	guest->client->message(guest->client_data, port, copy, len);
	return 0;
}

gboolean fake_guest_signal(FakeGuest *guest, guint32 connection_id)
{
	record(guest, FAKE_RECORD_SIGNAL, &connection_id, sizeof(connection_id));
	if (!g_hash_table_contains(guest->connections, GUINT_TO_POINTER(connection_id)))
		return FALSE;
	guest->client->signalled(guest->client_data, connection_id);
	return TRUE;
}

void fake_guest_reset(FakeGuest *guest)
{
	g_queue_clear_full(&guest->messages, g_free);
	g_ptr_array_set_size(guest->offers, 0);
	guest->client->reset(guest->client_data);
}

void fake_guest_set_time(FakeGuest *guest, guint64 reference_time)
{
	guest->time = reference_time;
}

gpointer fake_guest_page(FakeGuest *guest, guint64 pfn)
{
	g_assert_cmpuint(pfn, <, FAKE_GUEST_PAGES);
	return guest->memory + pfn * HVIS_PAGE_SIZE;
}

void fake_guest_alloc(FakeGuest *guest, guint64 *pfns, guint n, gboolean scattered)
{
	g_assert_cmpuint(guest->next_page + n, <=, FAKE_GUEST_PAGES);
	for (guint i = 0; i < n; i++)
		pfns[i] = guest->next_page + (scattered ? n - 1 - i : i);
	guest->next_page += n;
}

guint fake_guest_events(FakeGuest *guest, guint32 relid)
{
	guint n = guest->events[relid];

	guest->events[relid] = 0;
	return n;
}

guint32 fake_guest_event_vp(FakeGuest *guest, guint32 relid)
{
	return guest->event_vp[relid];
}

guint fake_guest_mappings(FakeGuest *guest)
{
	return guest->mappings;
}
