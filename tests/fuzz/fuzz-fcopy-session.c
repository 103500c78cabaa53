/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of a host in any order, with a device that goes, answers that are overdue and an administrator who cancels,
 * carried out on a real directory by real threads. Input: steps, a byte each, some with more bytes behind it.
 *
 * Whatever comes, each request is answered once, or has been given up before; a COMPLETE with success finds the file
 * there with what was sent, and in the end nothing is there but what was told to be, whole.
 */
#include "config.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <util/error.h>

#include "fcopyd/session.h"

#define check(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			g_error("%s", #what);                                                      \
	} while (0)

#define STEPS_MAX 60
#define FILE_MAX 96u /* of a file */
#define NAMES 4u

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static const HvisConfigKey keys[] = {
	FCOPY_POLICY_KEYS,
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

/* What was sent of one file. */
typedef struct {
	guint8 bytes[FILE_MAX], there[FILE_MAX];
	guint size, name;
	gboolean beyond; /* something was */
	gboolean undisturbed; /* by anything but what the host sends for it in turn */
} Model;

static char *top;
static FcopyGround *ground;

static struct {
	FcopySession *session;
	guint64 txn; /* the last one */
	guint64 asked; /* that has no answer yet; 0: there is none */
	enum hvis_fcopy_op op; /* its */
	Model asked_model; /* of a START */
	guint64 offset; /* of a WRITE */
	guint len;
	guint8 data[FILE_MAX];
	Model model; /* of what is under way */
	Model last[NAMES]; /* of what is there */
	gboolean is_there[NAMES], is_late[NAMES];
} world;

/* --- the directory --- */

static char *path_of(guint name)
{
	return g_strdup_printf("%s/srv/%u", top, name);
}

static void check_file(const Model *model)
{
	g_autofree char *path = path_of(model->name), *bytes = NULL;
	gsize len;

	check(g_file_get_contents(path, &bytes, &len, NULL));
	check(len == model->size && memcmp(bytes, model->bytes, len) == 0);
}

static gboolean is_whole(const Model *model)
{
	return !model->beyond && !memchr(model->there, 0, model->size);
}

static void check_directory(void)
{
	g_autofree char *srv = g_build_filename(top, "srv", NULL);
	g_autoptr(GDir) dir = g_dir_open(srv, 0, NULL);
	const char *name;

	check(dir);
	while ((name = g_dir_read_name(dir))) {
		guint number = (guint)(name[0] - '0');

		check(number < NAMES && name[1] == '\0' && world.is_there[number]);
	}
	for (guint i = 0; i < NAMES; i++)
		if (world.is_there[i] && !world.is_late[i])
			check_file(&world.last[i]);
}

/* --- what the session tells --- */

static void apply_write(void)
{
	Model *model = &world.model;

	for (guint i = 0; i < world.len; i++) {
		if (world.offset + i >= model->size) {
			model->beyond = TRUE;
			continue;
		}
		model->bytes[world.offset + i] = world.data[i];
		model->there[world.offset + i] = 1;
	}
}

static void on_answer(guint64 txn, guint32 status, gpointer data)
{
	check(txn != 0 && txn == world.asked);
	world.asked = 0;
	if (status != HVIS_S_OK) {
		check(world.op != HVIS_FCOPY_OP_COMPLETE || !world.model.undisturbed ||
			!is_whole(&world.model));
		world.model.undisturbed = FALSE;
		return;
	}
	switch (world.op) {
	case HVIS_FCOPY_OP_START:
		world.model = world.asked_model;
		break;
	case HVIS_FCOPY_OP_WRITE:
		apply_write();
		break;
	case HVIS_FCOPY_OP_COMPLETE:
		check(is_whole(&world.model));
		check_file(&world.model);
		world.model.undisturbed = FALSE; /* it is over */
		break;
	case HVIS_FCOPY_OP_CANCEL:
	case HVIS_FCOPY_OP_N:
		world.model.undisturbed = FALSE;
		break;
	}
}

static void on_begun(const FcopyTransfer *transfer, gpointer data)
{
}

static void on_ended(const FcopyTransfer *transfer, gpointer data)
{
	guint name = world.model.name;

	check(transfer->message && transfer->result != FCOPY_RESULT_NONE && transfer->end_us);
	if (transfer->result != FCOPY_RESULT_OK)
		return;
	check(is_whole(&world.model));
	world.last[name] = world.model;
	world.is_there[name] = TRUE;
	world.is_late[name] = FALSE;
}

static void on_late(const FcopyTransfer *transfer, gpointer data)
{
	guint name = (guint)(transfer->target[strlen(transfer->target) - 1] - '0');

	world.is_there[name] = world.is_late[name] = TRUE;
}

static const FcopySessionOps ops = { on_answer, on_begun, on_ended, on_late };

/* --- what happens --- */

/* As lib/service does it: whoever asks again has given the former one up. */
static void drop(void)
{
	guint64 txn = world.asked;

	if (txn != 0)
		world.model.undisturbed = FALSE;
	world.asked = 0;
	fcopy_session_overdue(world.session, txn);
}

static void ask(const FcopyRequest *request, FcopyText text)
{
	drop();
	world.asked = ++world.txn;
	world.op = request->op;
	fcopy_session_request(world.session, world.txn, request, text);
}

static void ask_start(guint8 how, guint8 size)
{
	static const char *const odd[] = { "..", "", "a/b", "." };
	g_autofree char *name = g_strdup_printf("%u", how % NAMES);
	const FcopyRequest request = { .op = HVIS_FCOPY_OP_START,
		.name = how >= 0xf0 ? (char *)odd[how % G_N_ELEMENTS(odd)] : name,
		.path = (char *)"/srv/",
		.flags = how >> 2 & 7u, /* one of which is unknown */
		.size = size % (FILE_MAX + 1) };

	world.asked_model = (Model){ .size = (guint)request.size,
		.name = (guint)(how % NAMES),
		.undisturbed = !fcopy_session_is_busy(world.session) };
	ask(&request, FCOPY_TEXT_UTF8);
}

static void ask_write(guint8 offset, guint8 len)
{
	const FcopyRequest request = { .op = HVIS_FCOPY_OP_WRITE,
		.offset = offset % (FILE_MAX + 2),
		.len = len % (FILE_MAX + 1),
		.data = world.data };

	world.offset = request.offset;
	world.len = request.len;
	memset(world.data, (int)world.txn, sizeof(world.data));
	ask(&request, FCOPY_TEXT_UTF8);
}

static void ask_bare(enum hvis_fcopy_op op)
{
	const FcopyRequest request = { .op = op };

	ask(&request, FCOPY_TEXT_UTF8);
}

/* What is no message is not for the session. Where a START may lead is another target's. */
static gsize ask_raw(const guint8 *bytes, gsize left)
{
	gsize len = left > 0 ? MIN((gsize)bytes[0], left - 1) : 0;
	g_auto(FcopyRequest) request = { 0 };

	if (left == 0)
		return 0;
	if (fcopy_request_decode(bytes + 1, len, FCOPY_TEXT_UTF8, &request, NULL) &&
		request.op != HVIS_FCOPY_OP_START && request.len <= FILE_MAX) {
		world.offset = request.offset;
		world.len = request.len;
		if (request.len > 0)
			memcpy(world.data, request.data, request.len);
		ask(&request, FCOPY_TEXT_UTF8);
	}
	return 1 + len;
}

static void settle(void)
{
	while (world.asked != 0)
		g_main_context_iteration(NULL, TRUE);
}

static void lose(void)
{
	world.asked = 0;
	world.model.undisturbed = FALSE;
	fcopy_session_lost(world.session);
}

/* One step, with the bytes that are left: how many more of them it has used. */
static gsize step(guint8 what, const guint8 *more, gsize left)
{
	guint8 one = left > 0 ? more[0] : 0, two = left > 1 ? more[1] : 0;

	switch (what % 16) {
	case 0:
	case 1:
		ask_start(one, two);
		settle();
		return MIN(left, 2);
	case 2:
		ask_start(one, two);
		return MIN(left, 2);
	case 3:
	case 4:
	case 5:
		ask_write(one, two);
		return MIN(left, 2);
	case 6:
		ask_bare(HVIS_FCOPY_OP_COMPLETE);
		return 0;
	case 7:
	case 8:
		ask_bare(HVIS_FCOPY_OP_COMPLETE);
		settle();
		return 0;
	case 9:
		ask_bare(HVIS_FCOPY_OP_CANCEL);
		return 0;
	case 10:
		return ask_raw(more, left);
	case 11:
		drop();
		return 0;
	case 12:
		lose();
		return 0;
	case 13:
		world.model.undisturbed = world.asked_model.undisturbed = FALSE;
		fcopy_session_cancel(world.session, NULL);
		return 0;
	case 14:
		g_main_context_iteration(NULL, FALSE);
		return 0;
	default:
		settle();
		return 0;
	}
}

/* --- the machine --- */

static void remove_files(void)
{
	for (guint i = 0; i < NAMES; i++) {
		g_autofree char *path = path_of(i);

		g_unlink(path);
	}
}

static void remove_top(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf '%s'", top);

	fcopy_ground_unref(ground);
	check(system(command) == 0);
	g_free(top);
}

/* In memory, where that is possible: thousands of files are brought to the disk. */
static void make_machine(void)
{
	const char *tmp = g_access("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir();
	g_autofree char *text =
		g_strdup_printf("[fcopy]\nOwner=%u:%u\n", (guint)geteuid(), (guint)getegid());
	g_autoptr(HvisConfig) config = hvis_config_parse(keys, "config", text, strlen(text), NULL);
	g_autofree char *state = NULL, *srv = NULL;
	FcopyPolicy *policy;

	top = g_build_filename(tmp, "hvis-fuzz-XXXXXX", NULL);
	check(g_mkdtemp(top) && config);
	atexit(remove_top);
	state = g_build_filename(top, "state", NULL);
	srv = g_build_filename(top, "srv", NULL);
	check(g_mkdir(state, 0700) == 0 && g_mkdir(srv, 0755) == 0);
	policy = fcopy_policy_new(config, state, NULL);
	check(policy);
	ground = fcopy_ground_new(open(top, O_PATH | O_DIRECTORY | O_CLOEXEC), policy);
}

static void begin(void)
{
	memset(&world, 0, sizeof(world));
	world.session = fcopy_session_new(ground, &ops, NULL);
}

static void end(void)
{
	settle();
	fcopy_session_stop(world.session);
	while (fcopy_session_is_busy(world.session))
		g_main_context_iteration(NULL, TRUE);
	check_directory();
	fcopy_session_free(world.session);
	remove_files();
}

/* That it can come to a file at all. */
static void try_once(void)
{
	begin();
	ask_start(1, 4);
	settle();
	ask_write(0, 4);
	ask_bare(HVIS_FCOPY_OP_COMPLETE);
	settle();
	check(world.is_there[1]);
	end();
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	if (!top) {
		make_machine();
		try_once();
	}
	begin();
	for (int i = 0; i < STEPS_MAX && size > 0; i++) {
		gsize used = 1 + step(data[0], data + 1, size - 1);

		data += used;
		size -= used;
	}
	end();
	return 0;
}
