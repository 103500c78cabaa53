/* SPDX-License-Identifier: GPL-2.0-only */
/* What "hvctl status" prints, and what it makes of a machine, in trees made for it. */
#include <glib/gstdio.h>
#include <hvis/services.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "hvctl/diagnose.h"
#include "hvctl/status.h"

/* --- printing --- */

static const char ready[] =
	"{ \"version\": \"1.2\", \"device\": \"/dev/vmbus/hv_kvp\", \"state\": \"ready\","
	"  \"detail\": null, \"kernel_protocol\": \"6.1.0\", \"last_request\": \"set guest\","
	"  \"last_request_time_us\": 5000000,"
	"  \"counters\": { \"requests\": 7, \"answered\": 6, \"refused\": 1 },"
	"  \"pools\": ["
	"    { \"name\": \"external\", \"number\": 0, \"path\": \"/p/.kvp_pool_0\", \"records\": 2,"
	"      \"bytes\": 5120, \"problem\": null },"
	"    { \"name\": \"guest\", \"number\": 1, \"path\": \"/p/.kvp_pool_1\", \"records\": 10,"
	"      \"bytes\": 25601, \"problem\": \"torn\\u001b\" } ] }";

static char *print(const char *status, gboolean json, gint64 now_us)
{
	struct json_object *object = json_tokener_parse(status);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	g_assert_nonnull(object);
	hvctl_status_print(out, json, &(HvctlStatuses){ .kvp = object }, now_us);
	fclose(out);
	json_object_put(object);
	return text;
}

static void test_text(void)
{
	char *text = print(ready, FALSE, 8000000);

	g_assert_cmpstr(text, ==,
		"hv_kvp_daemon: key-value pairs\n"
		"State:            ready\n"
		"Device:           /dev/vmbus/hv_kvp\n"
		"Version:          1.2\n"
		"Kernel protocol:  6.1.0\n"
		"Last request:     set guest, 3 s ago\n"
		"Counters:         7 requests, 6 answered, 1 refused\n"
		"\n"
		"POOL      NUMBER  RECORDS  BYTES  FILE            PROBLEM\n"
		"external       0        2   5120  /p/.kvp_pool_0  -\n"
		"guest          1       10  25601  /p/.kvp_pool_1  torn\\x1b\n");
	free(text);
}

/* Who keeps a pool locked stands with what is wrong with it, and how long the state lasts below it. */
static void test_locked(void)
{
	char *text = print("{ \"state\": \"busy\", \"state_since_us\": 1000000, \"pools\": ["
			   "  { \"name\": \"external\", \"problem\": null,"
			   "    \"locked_by\": { \"pid\": 12, \"command\": \"fl\\u001bock\" } },"
			   "  { \"name\": \"guest\", \"problem\": \"1 change not stored yet\","
			   "    \"locked_by\": { \"pid\": null, \"command\": null } } ] }",
		FALSE, 61000000);

	g_assert_nonnull(strstr(text, "State:            busy\nSince:            60 s ago\n"));
	g_assert_nonnull(strstr(text, "locked by process 12 (fl\\x1bock)\n"));
	g_assert_nonnull(strstr(
		text, "1 change not stored yet; locked by a process that only root can see\n"));
	free(text);
}

/* JSON is what the daemon said, below the service's name, so that other services can join. */
static void test_json(void)
{
	char *text = print(ready, TRUE, 8000000);
	struct json_object *all = json_tokener_parse(text), *kvp, *want = json_tokener_parse(ready);

	g_assert_nonnull(all);
	g_assert_cmpint(json_object_get_int(json_object_object_get(all, "schema")), ==, 1);
	g_assert_true(json_object_object_get_ex(all, "kvp", &kvp));
	g_assert_true(json_object_equal(kvp, want));
	json_object_put(all);
	json_object_put(want);
	free(text);
}

/* Two daemons, and what the one for backups has to tell. */
static void test_backups(void)
{
	struct json_object *kvp = json_tokener_parse("{ \"state\": \"ready\" }");
	struct json_object *vss = json_tokener_parse(
		"{ \"state\": \"ready\", \"device\": \"/dev/vmbus/hv_vss\", \"backup\": \"frozen\","
		"  \"frozen_since_us\": 1000000, \"deadline_us\": 61000000,"
		"  \"last\": { \"result\": \"ok\", \"end_us\": 1000000, \"message\": \"it was\","
		"    \"mounts\": [ { \"mount\": \"/a\", \"frozen_us\": 1500 } ] } }");
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	hvctl_status_print(out, FALSE, &(HvctlStatuses){ .kvp = kvp, .vss = vss }, 4500000);
	fclose(out);
	g_assert_cmpstr(text, ==,
		"hv_kvp_daemon: key-value pairs\n"
		"State:            ready\n"
		"Device:           -\n"
		"\n"
		"hv_vss_daemon: backups\n"
		"State:            ready\n"
		"Device:           /dev/vmbus/hv_vss\n"
		"Backup:           frozen\n"
		"Frozen since:     3 s ago\n"
		"Thawed in:        57 s at the latest\n"
		"Last backup:      ok, 3 s ago: it was\n"
		"\n"
		"MOUNT POINT  SYNC  FREEZE  FROZEN  THAW  PROBLEM\n"
		"/a              -       -  1.5 ms     -  -\n");
	free(text);
	json_object_put(kvp);
	json_object_put(vss);
}

static void check_age(gint64 age_us, const char *says)
{
	static const char status[] = "{ \"state\": \"ready\", \"last_request\": \"x\","
				     "  \"last_request_time_us\": 1000 }";
	char *text = print(status, FALSE, 1000 + age_us);
	g_autofree char *line = g_strdup_printf("Last request:     x, %s\n", says);

	if (!strstr(text, line))
		g_error("no \"%s\" in \"%s\"", line, text);
	free(text);
}

static void test_ages(void)
{
	const gint64 s = G_USEC_PER_SEC;

	check_age(0, "0 s ago");
	check_age(119 * s, "119 s ago");
	check_age(120 * s, "2 min ago");
	check_age(7199 * s, "119 min ago");
	check_age(7200 * s, "2 h ago");
	check_age(48 * 3600 * s, "2 days ago");
	check_age(-1, "in the future");
}

/* --- the machine --- */

typedef struct {
	char *root;
} Tree;

static void tree_file(Tree *tree, const char *path, const char *content)
{
	g_autofree char *full = g_build_filename(tree->root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(full, content, -1, NULL));
}

static void tree_link(Tree *tree, const char *path, const char *target)
{
	g_autofree char *full = g_build_filename(tree->root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_cmpint(symlink(target, full), ==, 0);
}

static void tree_up(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	tree->root = g_dir_make_tmp("hvctl-XXXXXX", NULL);
	g_assert_nonnull(tree->root);
}

static void remove_all(const char *path)
{
	g_autoptr(GDir) dir = NULL;
	const char *name;

	if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK))
		dir = g_dir_open(path, 0, NULL);
	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *child = g_build_filename(path, name, NULL);

		remove_all(child);
	}
	g_assert_cmpint(g_remove(path), ==, 0);
}

static void tree_down(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	remove_all(tree->root);
	g_free(tree->root);
}

#define OFFER "sys/bus/vmbus/devices/0/class_id"

static void test_device(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_cmpint(hvctl_find_device(tree->root, &hvctl_service_kvp), ==, HVCTL_DEVICE_NO_BUS);
	tree_file(tree, OFFER, "{57164f39-9115-4e78-ab55-382f3bd5422d}\n");
	g_assert_cmpint(
		hvctl_find_device(tree->root, &hvctl_service_kvp), ==, HVCTL_DEVICE_NO_OFFER);
	tree_file(tree, OFFER, "{" HVCTL_KVP_CLASS "}\n");
	g_assert_cmpint(
		hvctl_find_device(tree->root, &hvctl_service_kvp), ==, HVCTL_DEVICE_NO_DRIVER);
	tree_file(tree, "dev/vmbus/hv_kvp", "");
	g_assert_cmpint(hvctl_find_device(tree->root, &hvctl_service_kvp), ==, HVCTL_DEVICE_THERE);
	g_assert_null(hvctl_device_text(&hvctl_service_kvp, HVCTL_DEVICE_THERE));
}

/* Where the kernel has no such device a node of uio_hv_generic is one. */
static void test_uio(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	tree_file(tree, OFFER, "{" HVCTL_FCOPY_CLASS "}\n");
	g_assert_cmpint(
		hvctl_find_device(tree->root, &hvctl_service_fcopy), ==, HVCTL_DEVICE_NO_DRIVER);
	tree_file(tree, "sys/bus/vmbus/devices/0/uio/uio3/name", "hv_fcopy\n");
	g_assert_cmpint(
		hvctl_find_device(tree->root, &hvctl_service_fcopy), ==, HVCTL_DEVICE_THERE);
	tree_file(tree, OFFER, "{" HVCTL_VSS_CLASS "}\n"); /* which has no second device */
	g_assert_cmpint(
		hvctl_find_device(tree->root, &hvctl_service_vss), ==, HVCTL_DEVICE_NO_DRIVER);
	g_assert_true(hvctl_is_device(&hvctl_service_fcopy, "/dev/uio3"));
	g_assert_false(hvctl_is_device(&hvctl_service_vss, "/dev/uio3"));
}

/* The classes that sysfs shows are the types of the wire. */
static void check_class(struct hvis_guid type, const char *class)
{
	const guint8 *b = type.b;
	g_autofree char *text = g_strdup_printf(
		"%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[3], b[2],
		b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
		b[15]);

	g_assert_cmpstr(text, ==, class);
}

static void test_class(void)
{
	check_class((struct hvis_guid)HVIS_KVP_TYPE, HVCTL_KVP_CLASS);
	check_class((struct hvis_guid)HVIS_VSS_TYPE, HVCTL_VSS_CLASS);
	check_class((struct hvis_guid)HVIS_FCOPY_TYPE, HVCTL_FCOPY_CLASS);
}

static void check_advice(Tree *tree, const char *state, const char *says)
{
	g_autofree char *advice =
		hvctl_status_advice(tree->root, &hvctl_service_kvp, state, HVCTL_KVP_DEVICE);

	if (!says)
		g_assert_null(advice);
	else if (!advice || !strstr(advice, says))
		g_error("%s: \"%s\" does not say \"%s\"", state, advice ? advice : "(nothing)",
			says);
}

static void check_advice_of(
	Tree *tree, const HvctlService *service, const char *state, const char *says)
{
	g_autofree char *advice = hvctl_status_advice(tree->root, service, state, service->device);

	g_assert_nonnull(advice);
	if (!strstr(advice, says))
		g_error("%s: \"%s\" does not say \"%s\"", state, advice, says);
}

/* With a device of another kind the machine's own has nothing to do. */
static void test_other_device(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *advice =
		hvctl_status_advice(tree->root, &hvctl_service_kvp, "waiting", "/tmp/link/hv_kvp");

	g_assert_null(advice);
}

static void test_advice_in_a_confidential_vm(void)
{
	g_autofree char *plain = hvctl_stopped_advice(&hvctl_service_kvp, HVIS_ISOLATION_NONE);
	g_autofree char *snp = hvctl_stopped_advice(&hvctl_service_kvp, HVIS_ISOLATION_SNP);
	g_autofree char *tdx = hvctl_stopped_advice(&hvctl_service_fcopy, HVIS_ISOLATION_TDX);

	g_assert_nonnull(strstr(plain, "systemctl enable --now hv-kvp-daemon"));
	g_assert_nonnull(strstr(snp, "SEV-SNP"));
	g_assert_nonnull(strstr(snp, "ConfidentialVM="));
	g_assert_nonnull(strstr(tdx, "ConfidentialVM="));
}

static void test_advice(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	check_advice(tree, "not running", "modprobe hv_vmbus");
	check_advice(tree, "waiting", "hvctl doctor");
	check_advice(tree, "ready", NULL);
	tree_file(tree, OFFER, "{57164f39-9115-4e78-ab55-382f3bd5422d}\n");
	check_advice(tree, "waiting", "Data Exchange");
	check_advice_of(tree, &hvctl_service_fcopy, "waiting", "Guest services");
	check_advice_of(tree, &hvctl_service_vss, "waiting", "Backup (volume shadow copy)");
	tree_file(tree, OFFER, "{" HVCTL_KVP_CLASS "}\n");
	check_advice(tree, "waiting", "modprobe hv_utils");
	tree_file(tree, OFFER, "{" HVCTL_VSS_CLASS "}\n");
	check_advice_of(tree, &hvctl_service_vss, "waiting", "modprobe hv_utils");
	tree_file(tree, "dev/vmbus/hv_vss", "");
	check_advice_of(
		tree, &hvctl_service_vss, "not running", "systemctl enable --now hv-vss-daemon");
	tree_file(tree, "dev/vmbus/hv_kvp", "");
	check_advice(tree, "not running", "systemctl enable --now hv-kvp-daemon");
	check_advice(tree, "waiting", NULL);
	check_advice(tree, "retrying", NULL);
	tree_file(tree, OFFER, "{" HVCTL_FCOPY_CLASS "}\n");
	check_advice_of(tree, &hvctl_service_fcopy, "waiting", "modprobe uio_hv_generic");
	tree_file(tree, "sys/bus/vmbus/devices/0/uio/uio0/name", "hv_fcopy\n");
	check_advice_of(tree, &hvctl_service_fcopy, "not running", "udevadm trigger");
	tree_file(tree, "dev/hvis/fcopy", "");
	check_advice_of(tree, &hvctl_service_fcopy, "not running",
		"systemctl enable --now hv-fcopy-daemon");
	check_advice(tree, "busy", "another process has the device");
	tree_file(tree, "proc/9/comm", "hypervkvpd\n");
	tree_link(tree, "proc/9/fd/4", HVCTL_KVP_DEVICE);
	check_advice(tree, "busy", "hypervkvpd (pid 9) has the device");
}

static void test_not_running(Tree *tree, gconstpointer data G_GNUC_UNUSED)
{
	struct json_object *status;
	g_autofree char *want = NULL;
	char *text;

	tree_file(tree, "dev/vmbus/hv_kvp", "");
	status = hvctl_status_not_running(tree->root, &hvctl_service_kvp, "no socket");
	text = print(json_object_to_json_string(status), FALSE, 0);
	g_assert_cmpstr(text, ==,
		"hv_kvp_daemon: key-value pairs\n"
		"State:            not running\n"
		"Detail:           no socket\n"
		"What to do:       start it: \"systemctl enable --now hv-kvp-daemon\"; its log: "
		"\"journalctl "
		"-u hv-kvp-daemon\"\n"
		"Device:           /dev/vmbus/hv_kvp\n");
	free(text);
	json_object_put(status);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/hvctl/status/text", test_text);
	g_test_add_func("/hvctl/status/json", test_json);
	g_test_add_func("/hvctl/status/locked", test_locked);
	g_test_add_func("/hvctl/status/ages", test_ages);
	g_test_add_func("/hvctl/status/backups", test_backups);
	g_test_add_func(
		"/hvctl/status/advice-in-a-confidential-vm", test_advice_in_a_confidential_vm);
	g_test_add_func("/hvctl/diagnose/class", test_class);
	g_test_add("/hvctl/diagnose/device", Tree, NULL, tree_up, test_device, tree_down);
	g_test_add("/hvctl/diagnose/uio", Tree, NULL, tree_up, test_uio, tree_down);
	g_test_add("/hvctl/status/advice", Tree, NULL, tree_up, test_advice, tree_down);
	g_test_add("/hvctl/status/other-device", Tree, NULL, tree_up, test_other_device, tree_down);
	g_test_add("/hvctl/status/not-running", Tree, NULL, tree_up, test_not_running, tree_down);
	return g_test_run();
}
