/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A folder of pools in hostile hands, under the daemon's store and under hvctl's editing of files. Input:
 * steps of four bytes: what, which file, how, when. A step is an operation (what & 0x80) or a change of the
 * folder, made at once or at a system call of the next operation that changes a file. Each step ends, nothing
 * outside the folder is touched, what is stored is read back, and a pool that nobody has put another thing in
 * the place of keeps its records. Runs as root and as anybody else, who may do less to the folder.
 */
#include "config.h"

#include "kvp-scratch.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <hvis/kvp.h>

#include "hvctl/command.h"
#include "hvctl/records.h"
#include "kvpd/journal.h"
#include "kvpd/store.h"

#define RECORD sizeof(struct hvis_kvp_record)
#define STEP 4u
#define STEPS_MAX 24u
#define JOURNAL HVIS_KVP_POOL_N /* behind the pools in the list of names */
#define NAMES (HVIS_KVP_POOL_N + 1)
#define NOBODY 65534
#define HUGE_AT 0xff /* of "how": few inputs are to take that long */

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

/* --- the place --- */

static char *folder, *away, *outside, *canary;
static int folder_fd = -1;
static const char *const names[NAMES] = { ".kvp_pool_0", ".kvp_pool_1", ".kvp_pool_2",
	".kvp_pool_3", ".kvp_pool_4", KVP_JOURNAL_NAME };

/* Of this input. */
static struct {
	gboolean is_touched[NAMES]; /* somebody has put another thing there, or emptied it */
	gboolean is_huge;
	guint calls; /* system calls of this operation */
	guint8 planned[STEP]; /* a change for one of them; its last byte is 0 where there is none */
	guint fails; /* this call and those after it fail; 0 = none does */
} now;

static void fill_records(int fd, char first, guint n)
{
	for (guint i = 0; i < n; i++) {
		struct hvis_kvp_record record = { .key = { first, (char)('0' + i) },
			.value = "as it was" };

		check(write(fd, &record, RECORD) == RECORD);
	}
}

static void make_file(const char *path, char first, guint n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	check(fd >= 0);
	fill_records(fd, first, n);
	close(fd);
}

/* What is outside, as it has to stay. */
static struct {
	struct stat st;
	ScratchFile bytes;
} kept;

static void make_place(void)
{
	int fd;

	folder = g_build_filename(scratch_dir(), "pools", NULL);
	away = g_build_filename(scratch_dir(), "away", NULL);
	outside = g_build_filename(scratch_dir(), "outside", NULL);
	canary = g_build_filename(outside, "canary", NULL);
	check(mkdir(outside, 0755) == 0);
	make_file(canary, 'c', 3);
	fd = open(canary, O_RDONLY | O_CLOEXEC);
	check(fd >= 0 && fstat(fd, &kept.st) == 0);
	scratch_get(fd, &kept.bytes);
	close(fd);
}

static void check_outside(void)
{
	static ScratchFile bytes;
	g_autoptr(GDir) dir = g_dir_open(outside, 0, NULL);
	int fd = open(canary, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	check(fd >= 0 && fstat(fd, &st) == 0);
	scratch_get(fd, &bytes);
	close(fd);
	check(st.st_ino == kept.st.st_ino && st.st_mode == kept.st.st_mode);
	check(st.st_uid == kept.st.st_uid && st.st_gid == kept.st.st_gid);
	check(bytes.len == kept.bytes.len && memcmp(bytes.data, kept.bytes.data, bytes.len) == 0);
	check(st.st_mtim.tv_sec == kept.st.st_mtim.tv_sec &&
		st.st_mtim.tv_nsec == kept.st.st_mtim.tv_nsec);
	check(g_str_equal(g_dir_read_name(dir), "canary") && !g_dir_read_name(dir));
}

static void start_folder(void)
{
	memset(&now, 0, sizeof(now));
	chmod(folder, 0755);
	chmod(away, 0755);
	scratch_empty(folder);
	scratch_empty(away);
	rmdir(away);
	check(mkdir(folder, 0755) == 0 || errno == EEXIST);
	if (folder_fd >= 0)
		close(folder_fd);
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	check(folder_fd >= 0);
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		g_autofree char *pool = g_build_filename(folder, names[i], NULL);

		make_file(pool, 'k', 2);
	}
}

/* The two records that a pool began with are its first, whatever has come behind them. */
static void check_untouched(guint pool)
{
	int fd = openat(folder_fd, names[pool], O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	check(fd >= 0);
	for (guint i = 0; i < 2; i++) {
		struct hvis_kvp_record wanted = { .key = { 'k', (char)('0' + i) },
			.value = "as it was" };
		struct hvis_kvp_record is;

		check(read(fd, &is, RECORD) == RECORD && memcmp(&is, &wanted, RECORD) == 0);
	}
	close(fd);
}

/* --- changes of the folder --- */

typedef enum {
	GONE,
	FEW_RECORDS, /* how: how many, and how many bytes are missing at the end */
	DANGLING,
	TO_CANARY,
	TO_ZERO,
	TO_SIBLING,
	FIFO,
	SOCKET,
	DIRECTORY,
	DEVICE,
	HARD_LINK,
	SIBLING_LINK,
	UNREADABLE,
	SPARSE,
	OWNER,
	SHORTER,
	FOLDER_MODE,
	FOLDER_GONE,
	FOLDER_BACK,
	FAILING, /* the system calls that change a file */
	CHANGE_N,
} ChangeKind;

static void remove_name(const char *name)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d/%s", folder_fd, name);

	if (unlinkat(folder_fd, name, 0) == 0)
		return;
	scratch_empty(path);
	unlinkat(folder_fd, name, AT_REMOVEDIR);
}

/* A file with no other name, for the canary is not ours to change either; -1 = there is none. */
static int open_own(const char *name)
{
	struct stat st;

	if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
		st.st_nlink != 1)
		return -1;
	return openat(folder_fd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
}

static void make_socket(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	g_snprintf(
		address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder_fd, name);
	check(fd >= 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		check(errno != EINVAL);
	close(fd);
}

static void make_regular(const char *name, guint8 how)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0) /* a folder that is not ours to write any more */
		return;
	fill_records(fd, 'a', how & 7);
	if (how >> 3 && how & 7)
		check(ftruncate(fd, (off_t)((how & 7) * RECORD - 80 * (how >> 3))) == 0);
	close(fd);
}

/* Of the file that is there, and may be open. */
static void change_file(ChangeKind kind, const char *name, guint8 how)
{
	int fd = open_own(name);
	struct stat st;

	if (fd < 0)
		return;
	check(fstat(fd, &st) == 0);
	if (kind == UNREADABLE)
		check(fchmod(fd, 0) == 0);
	else if (kind == OWNER && geteuid() == 0)
		check(fchown(fd, NOBODY, NOBODY) == 0);
	else if (kind == SHORTER)
		check(ftruncate(fd,
			      st.st_size < (off_t)SCRATCH_ROOM ? st.st_size * how / 256 : 0) == 0);
	else if (kind == SPARSE)
		check(ftruncate(fd, how == HUGE_AT ? (off_t)1 << 40 : (off_t)(how * RECORD)) == 0);
	now.is_huge = now.is_huge || (kind == SPARSE && how == HUGE_AT);
	close(fd);
}

/* In the place of @name, where nothing is. */
static void put_thing(ChangeKind kind, const char *name, const char *sibling, guint8 how)
{
	g_autofree char *nowhere = g_build_filename(outside, "nothing", NULL);
	int rc = 0;

	if (kind == FEW_RECORDS)
		make_regular(name, how);
	else if (kind == DANGLING)
		rc = symlinkat(nowhere, folder_fd, name);
	else if (kind == TO_CANARY)
		rc = symlinkat(canary, folder_fd, name);
	else if (kind == TO_ZERO)
		rc = symlinkat("/dev/zero", folder_fd, name);
	else if (kind == TO_SIBLING)
		rc = symlinkat(sibling, folder_fd, name);
	else if (kind == FIFO)
		rc = mkfifoat(folder_fd, name, 0666);
	else if (kind == SOCKET)
		make_socket(name);
	else if (kind == DIRECTORY)
		rc = mkdirat(folder_fd, name, 0755);
	else if (kind == DEVICE)
		rc = mknodat(folder_fd, name, S_IFCHR | 0666, makedev(1, 5));
	else if (kind == HARD_LINK)
		rc = linkat(AT_FDCWD, canary, folder_fd, name, 0);
	else if (kind == SIBLING_LINK)
		rc = linkat(folder_fd, sibling, folder_fd, name, 0);
	if (rc < 0) /* no right to, or no folder any more */
		check(errno != EINVAL && errno != EBADF);
}

static void touch_all(void)
{
	for (guint i = 0; i < NAMES; i++)
		now.is_touched[i] = TRUE;
}

static void change_whole(ChangeKind kind, guint8 how)
{
	if (kind == FAILING) {
		now.fails = how;
	} else if (kind == FOLDER_MODE) {
		chmod(folder, how & 1 ? 0555 : 0755);
	} else {
		touch_all();
		if (kind == FOLDER_GONE && access(away, F_OK) < 0)
			rename(folder, away);
		else if (kind == FOLDER_BACK && access(folder, F_OK) < 0)
			rename(away, folder);
	}
}

/* One of @step[1], which is the journal once in six. */
static void change(const guint8 *step)
{
	ChangeKind kind = step[0] % CHANGE_N;
	guint which = step[1] % NAMES;
	const char *name = names[which], *sibling = names[(which + 1 + step[2]) % NAMES];

	if (kind >= FOLDER_MODE) {
		change_whole(kind, step[2]);
		return;
	}
	now.is_touched[which] = TRUE;
	if (kind == UNREADABLE || kind == SPARSE || kind == OWNER || kind == SHORTER) {
		change_file(kind, name, step[2]);
	} else {
		remove_name(name);
		put_thing(kind, name, sibling, step[2]);
	}
}

/* --- system calls --- */

/* TRUE where this one is to fail. */
static gboolean on_call(void)
{
	now.calls++;
	if (now.planned[3] == now.calls)
		change(now.planned);
	if (now.fails == 0 || now.calls < now.fails)
		return FALSE;
	errno = EIO;
	return TRUE;
}

static ssize_t watched_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	return on_call() ? -1 : pwrite(fd, buf, len, offset);
}

static int watched_ftruncate(int fd, off_t len)
{
	return on_call() ? -1 : ftruncate(fd, len);
}

static int watched_fsync(int fd G_GNUC_UNUSED)
{
	return on_call() ? -1 : 0;
}

/* --- operations of the daemon --- */

static KvpStore *store; /* of this input; NULL until it is wanted */

/* The pools, and what watches them, are those of all inputs: the kernel takes milliseconds to end an inotify(7). */
static void start_daemon(void)
{
	static const KvpPoolOps ops = { watched_pwrite, watched_ftruncate, watched_fsync };
	static KvpPools *pools;

	if (!pools)
		pools = kvp_pools_new(folder, &ops);
	kvp_store_unref(store);
	kvp_pools_create(pools, NULL);
	store = kvp_store_new(pools, NULL, NULL);
}

/* What a failure leaves an error for. */
static void check_result(gboolean good, const GError *error)
{
	check(good == (error == NULL));
}

/* The value of @key, or with NULL whatever there is, if it can be read. */
static void read_pool(guint pool, const char *key, const char *value)
{
	g_autoptr(KvpTask) task = kvp_store_read(store, pool);
	g_autoptr(GError) error = NULL;
	gboolean good;

	kvp_task_run(task);
	good = kvp_task_finish(task, &error);
	check_result(good, error);
	if (!key)
		return;
	check(good);
	check(g_strcmp0(kvp_records_get(kvp_task_records(task), key), value) == 0);
}

static void change_pool(guint pool, const char *key, const char *value)
{
	g_autoptr(KvpTask) task = kvp_store_change(store, pool, key, value);
	gboolean is_hit = now.planned[3] || now.fails || now.is_touched[pool];
	g_autoptr(GError) error = NULL;
	gboolean good;

	kvp_task_run(task);
	good = kvp_task_finish(task, &error);
	check_result(good, error);
	if (good && !is_hit)
		read_pool(pool, key, value);
}

static void on_applied(const GError *error, gpointer data)
{
	*(gboolean *)data = TRUE;
}

static void apply(guint pool, gboolean clear, const char *key, const char *value)
{
	const KvpChange changes[] = { { key, value, FALSE }, { "both", value, FALSE } };
	KvpBatch batch = { .clear = clear, .changes = changes, .n = G_N_ELEMENTS(changes) };
	gboolean is_done = FALSE;

	kvp_store_apply(store, pool, &batch, on_applied, &is_done);
	check(is_done);
}

static void sync_pool(guint pool)
{
	g_autoptr(GError) error = NULL;
	gboolean good = kvp_pool_sync(kvp_pools_get(kvp_store_pools(store), pool), &error);

	check_result(good, error);
}

/* --- operations of hvctl --- */

static HvctlRequest request_new(gboolean repair)
{
	static FILE *nowhere;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	check(nowhere != NULL);
	return (HvctlRequest){
		.pool_dir = folder, .offline = TRUE, .quiet = TRUE, .repair = repair, .out = nowhere
	};
}

static void check_pools(gboolean repair)
{
	const HvctlRequest request = request_new(repair);
	g_autoptr(GError) error = NULL;

	hvctl_kvp_check(&request, &error);
}

static void list_files(const HvctlSource *source)
{
	g_autoptr(GError) error = NULL;
	struct json_object *all = hvctl_source_list_some(source, NULL, &error);

	check(all != NULL || error != NULL);
	json_object_put(all);
}

static void import(
	const HvctlSource *source, guint pool, gboolean clear, const char *key, const char *value)
{
	struct json_object *changes = json_object_new_array();
	g_autoptr(GError) error = NULL;
	HvctlChanged counts;
	gboolean good;

	json_object_array_add(changes, hvctl_change_new(key, value, FALSE));
	json_object_array_add(changes, hvctl_change_new("both", value, TRUE));
	good = hvctl_source_apply(
		source, kvp_pools_name(pool), changes, clear, FALSE, &counts, &error);
	check_result(good, error);
}

/* --- steps --- */

typedef enum {
	READ,
	SET,
	DELETE,
	APPLY,
	CLEAR,
	START,
	REFRESH,
	SYNC,
	FILE_LIST,
	FILE_SET,
	FILE_DELETE,
	FILE_IMPORT,
	FILE_CLEAR,
	FILE_CHECK,
	FILE_REPAIR,
	OPERATION_N,
} Operation;

static void by_daemon(Operation what, guint pool, const char *key, const char *value)
{
	if (!store || what == START)
		start_daemon();
	if (what == READ)
		read_pool(pool, NULL, NULL);
	else if (what == SET || what == DELETE)
		change_pool(pool, key, what == SET ? value : NULL);
	else if (what == APPLY || what == CLEAR)
		apply(pool, what == CLEAR, key, value);
	else if (what == REFRESH)
		kvp_store_refresh(store);
	else if (what == SYNC)
		sync_pool(pool);
}

static void change_file_of(
	const HvctlSource *source, guint pool, const char *key, const char *value)
{
	const char *name = kvp_pools_name(pool);
	g_autoptr(GError) error = NULL;
	gboolean good;

	if (value)
		good = hvctl_source_set(source, name, key, value, &error);
	else
		good = hvctl_source_delete(source, name, key, &error);
	check_result(good, error);
}

static void by_hvctl(Operation what, guint pool, const char *key, const char *value)
{
	const HvctlRequest request = request_new(FALSE);
	g_auto(HvctlSource) source = { 0 };
	g_autoptr(GError) error = NULL;

	if (what == FILE_CHECK || what == FILE_REPAIR)
		check_pools(what == FILE_REPAIR);
	else if (!hvctl_source_open(&source, &request, &error))
		return;
	else if (what == FILE_LIST)
		list_files(&source);
	else if (what == FILE_SET || what == FILE_DELETE)
		change_file_of(&source, pool, key, what == FILE_SET ? value : NULL);
	else
		import(&source, pool, what == FILE_CLEAR, key, value);
}

/* The key is one of eight, and its value short, or too long for one write. */
static void operate(const guint8 *step)
{
	Operation what = (step[0] & 0x7f) % OPERATION_N;
	guint pool = step[1] % HVIS_KVP_POOL_N;
	const char key[] = { 'n', (char)('0' + (step[2] & 7)), '\0' };
	g_autofree char *value = g_strnfill(step[2] & 8 ? 1000u : 3u, (char)('a' + (step[2] >> 4)));

	now.calls = 0;
	now.is_touched[pool] |= what == CLEAR || what == FILE_CLEAR;
	if (what < FILE_LIST)
		by_daemon(what, pool, key, value);
	else
		by_hvctl(what, pool, key, value);
	now.planned[3] = 0;
	now.fails = 0;
	check_outside();
}

static void take_step(const guint8 *step)
{
	if (step[0] & 0x80)
		operate(step);
	else if (step[3])
		memcpy(now.planned, step, STEP);
	else
		change(step);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	guint left = STEPS_MAX;

	if (!folder)
		make_place();
	start_folder();
	for (; size >= STEP && left > 0; data += STEP, size -= STEP) {
		take_step(data);
		left = now.is_huge ? MIN(left, 3) - 1 : left - 1;
	}
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		if (!now.is_touched[i])
			check_untouched(i);
	}
	g_clear_pointer(&store, kvp_store_unref);
	return 0;
}
