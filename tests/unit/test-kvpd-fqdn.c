/* SPDX-License-Identifier: GPL-2.0-only */
/* The name service played by a thread that says one thing. */
#include "config.h"

#include "kvpd/fqdn.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct {
	char *dir, *path;
	int listener;
	const char *parts[3]; /* what is said, piece by piece; then the connection closes */
	gboolean hangs; /* … or not */
	GThread *thread;
} Service;

static gpointer serve(gpointer data)
{
	Service *s = data;
	int fd = accept(s->listener, NULL, NULL);
	char c;

	g_assert_cmpint(fd, >=, 0);
	for (guint i = 0; i < G_N_ELEMENTS(s->parts) && s->parts[i]; i++) {
		/* Who has heard enough hangs up, and the rest is not taken. */
		g_assert_cmpint(send(fd, s->parts[i], strlen(s->parts[i]), MSG_NOSIGNAL), >, 0);
		g_usleep(2000);
	}
	if (s->hangs)
		g_assert_cmpint(recv(fd, &c, 1, 0), ==, 0); /* until the client has gone */
	close(fd);
	return NULL;
}

static void start(Service *s)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	s->dir = g_dir_make_tmp("hvis-fqdn.XXXXXX", NULL);
	s->path = g_build_filename(s->dir, "name", NULL);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_strlcpy(address.sun_path, s->path, sizeof(address.sun_path));
	g_assert_cmpint(bind(s->listener, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(s->listener, 1), ==, 0);
	s->thread = g_thread_new("name", serve, s);
}

static void stop(Service *s)
{
	g_thread_join(s->thread);
	close(s->listener);
	g_unlink(s->path);
	g_rmdir(s->dir);
	g_free(s->path);
	g_free(s->dir);
}

/* The name, NULL where there is none; the service must have been there. */
static char *ask(Service service, guint wait_ms)
{
	char *name = NULL;
	KvpFqdnResult result;

	start(&service);
	result = kvp_fqdn_ask(service.path, wait_ms, &name);
	stop(&service);
	g_assert_cmpint(result, ==, name ? KVP_FQDN_FOUND : KVP_FQDN_UNKNOWN);
	return name;
}

static void assert_name(const char *first, const char *second, const char *want)
{
	g_autofree char *name = ask((Service){ .parts = { first, second } }, 20000);

	g_assert_cmpstr(name, ==, want);
}

static void test_found(void)
{
	assert_name("guest.example.org\n", NULL, "guest.example.org");
	assert_name("guest.exa", "mple.org\n", "guest.example.org");
	assert_name("guest.example.org", NULL, "guest.example.org");
	assert_name("guest.example.org\nand more", NULL, "guest.example.org");
}

static void test_unknown(void)
{
	assert_name(NULL, NULL, NULL);
	assert_name("\n", NULL, NULL);
	assert_name("two words\n", NULL, NULL);
	assert_name("tab\there\n", NULL, NULL);
	assert_name("umlaut-\xc3\xbc\n", NULL, NULL);
}

static void test_length(void)
{
	g_autofree char *longest = g_strnfill(253, 'n');
	g_autofree char *too_long = g_strnfill(254, 'n');
	g_autofree char *flood = g_strnfill(100000, 'n');
	g_autofree char *line = g_strconcat(longest, "\n", NULL);
	g_autofree char *long_line = g_strconcat(too_long, "\n", NULL);

	assert_name(longest, NULL, longest);
	assert_name(line, NULL, longest);
	assert_name(too_long, NULL, NULL);
	assert_name(long_line, NULL, NULL);
	assert_name(flood, NULL, NULL);
}

static void test_hangs(void)
{
	g_autofree char *silent = ask((Service){ .hangs = TRUE }, 30);
	g_autofree char *half = ask((Service){ .parts = { "guest.exa" }, .hangs = TRUE }, 30);
	g_autofree char *whole = ask((Service){ .parts = { "guest\n" }, .hangs = TRUE }, 20000);

	g_assert_null(silent);
	g_assert_null(half); /* not a name of half its length */
	g_assert_cmpstr(whole, ==, "guest");
}

static void test_no_service(void)
{
	g_autofree char *far = g_strnfill(200, 'x');
	char *name = NULL;

	g_assert_cmpint(kvp_fqdn_ask("/nonexistent/name", 100, &name), ==, KVP_FQDN_NO_SERVICE);
	g_assert_cmpint(kvp_fqdn_ask(far, 100, &name), ==, KVP_FQDN_NO_SERVICE);
	g_assert_null(name);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/fqdn/found", test_found);
	g_test_add_func("/kvpd/fqdn/unknown", test_unknown);
	g_test_add_func("/kvpd/fqdn/length", test_length);
	g_test_add_func("/kvpd/fqdn/hangs", test_hangs);
	g_test_add_func("/kvpd/fqdn/no-service", test_no_service);
	return g_test_run();
}
