/* SPDX-License-Identifier: GPL-2.0-only */
/* [fcopy] of the configuration: every value, good and bad, and which paths it allows. */
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include <util/error.h>

#include "fcopyd/policy.h"

static const HvisConfigKey keys[] = {
	FCOPY_POLICY_KEYS,
	{ NULL, NULL, HVIS_CONFIG_STRING, NULL, 0, 0, NULL, NULL },
};

static FcopyPolicy *policy_of(const char *lines, GError **error)
{
	g_autofree char *text = g_strconcat("[fcopy]\n", lines, NULL);
	g_autoptr(HvisConfig) config = hvis_config_parse(keys, "test", text, strlen(text), error);

	return config ? fcopy_policy_new(config, "/state", error) : NULL;
}

static void test_defaults(void)
{
	g_autoptr(FcopyPolicy) policy = policy_of("", NULL);

	g_assert_nonnull(policy);
	g_assert_cmpstr(policy->allow[0], ==, "/");
	g_assert_null(policy->allow[1]);
	g_assert_null(policy->deny[0]);
	g_assert_cmpuint(policy->mode, ==, 0644);
	g_assert_cmpuint(policy->directory_mode, ==, 0755);
	g_assert_cmpuint(policy->uid, ==, 0);
	g_assert_cmpuint(policy->gid, ==, 0);
	g_assert_cmpuint(policy->reserve, ==, 0);
	g_assert_cmpstr(policy->state_dir, ==, "/state");
	g_assert_cmpstr(fcopy_policy_allowed(policy, "/any/where"), ==, "/");
	g_assert_null(fcopy_policy_denied(policy, "/any/where"));
}

static void test_values(void)
{
	g_autoptr(FcopyPolicy) policy = policy_of("Allow=//srv//files/ /\nDeny=/etc/\nMode=600\n"
						  "DirectoryMode=0700\nReserve=64M\n",
		NULL);

	g_assert_nonnull(policy);
	g_assert_cmpstr(policy->allow[0], ==, "/srv/files");
	g_assert_cmpstr(policy->allow[1], ==, "/");
	g_assert_cmpstr(policy->deny[0], ==, "/etc");
	g_assert_cmpuint(policy->mode, ==, 0600);
	g_assert_cmpuint(policy->directory_mode, ==, 0700);
	g_assert_cmpuint(policy->reserve, ==, 64 << 20);
}

static void check_owner(const char *owner, uid_t uid, gid_t gid)
{
	g_autofree char *line = g_strconcat("Owner=", owner, NULL);
	g_autoptr(FcopyPolicy) policy = policy_of(line, NULL);

	g_assert_nonnull(policy);
	g_assert_cmpuint(policy->uid, ==, uid);
	g_assert_cmpuint(policy->gid, ==, gid);
}

static void test_owner(void)
{
	const struct passwd *nobody;
	const struct group *tty;
	uid_t uid;
	gid_t gid;

	check_owner("root", 0, 0);
	check_owner("0:0", 0, 0);
	check_owner("12345:54321", 12345, 54321);
	nobody = getpwnam("nobody");
	tty = getgrnam("tty");
	if (!nobody || !tty) {
		g_test_skip("no user nobody or no group tty here");
		return;
	}
	uid = nobody->pw_uid;
	gid = nobody->pw_gid;
	check_owner("nobody", uid, gid);
	check_owner("nobody:tty", uid, tty->gr_gid);
	check_owner("nobody:root", uid, 0);
}

static void test_bad(void)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "Allow=srv", "test:2: Allow=srv: must be absolute" },
		{ "Allow=/ /srv/../etc", "test:2: Allow=/srv/../etc: must be absolute" },
		{ "Allow=/srv/.", "test:2: Allow=/srv/.: must be" },
		{ "Allow=*", "test:2: Allow=*: must be absolute" },
		{ "Deny=.ssh", "test:2: Deny=.ssh: must be absolute or begin with *" },
		{ "Deny=*/../etc", "test:2: Deny=*/../etc: must be absolute or" },
		{ "Mode=", "test:2: Mode=: must be octal" },
		{ "Mode=0888", "test:2: Mode=0888: must be octal" },
		{ "Mode=u=rw", "test:2: Mode=u=rw: must be octal" },
		{ "Mode=-1", "test:2: Mode=-1: must be octal" },
		{ "Mode=04755", "test:2: Mode=04755: must be from 0 to 0777" },
		{ "Mode=02755", "test:2: Mode=02755: must be from 0 to 0777" },
		{ "Mode=01777", "test:2: Mode=01777: must be from 0 to 0777" },
		{ "Mode=40000000000000000000000755", "must be from 0 to 0777" },
		{ "DirectoryMode=01777", "test:2: DirectoryMode=01777: must be from" },
		{ "Owner=", "test:2: Owner=: must be a user" },
		{ "Owner=:root", "test:2: Owner=:root: must be a user" },
		{ "Owner=root:", "test:2: Owner=root:: must be a user" },
		{ "Owner=no such user", "must be a user of this system" },
		{ "Owner=root:no such group", "must be of a group of this system" },
		{ "Owner=4294967295:0", "must be a user of this system" },
		{ "Owner=0:4294967295", "must be of a group of this system" },
		{ "Owner=-1:0", "must be a user of this system" },
		{ "Owner=4123456789", "must be with a group" },
		{ "Reserve=much", "test:2: Reserve=much: must be a size" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(policy_of(cases[i].line, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
		if (!strstr(error->message, cases[i].message))
			g_error("%s: %s", cases[i].line, error->message);
	}
}

static void test_allowed(void)
{
	g_autoptr(FcopyPolicy) policy = policy_of("Allow=/srv /srv/files/in /var/tmp", NULL);

	g_assert_cmpstr(fcopy_policy_allowed(policy, "/srv"), ==, "/srv");
	g_assert_cmpstr(fcopy_policy_allowed(policy, "/srv/files"), ==, "/srv");
	g_assert_cmpstr(fcopy_policy_allowed(policy, "/srv/files/in"), ==, "/srv/files/in");
	g_assert_cmpstr(fcopy_policy_allowed(policy, "/srv/files/in/a"), ==, "/srv/files/in");
	g_assert_cmpstr(fcopy_policy_allowed(policy, "/srv/files/inside"), ==, "/srv");
	g_assert_null(fcopy_policy_allowed(policy, "/srvother"));
	g_assert_null(fcopy_policy_allowed(policy, "/sr"));
	g_assert_null(fcopy_policy_allowed(policy, "/"));
	g_assert_null(fcopy_policy_allowed(policy, "/var"));
}

static void test_allow_nothing(void)
{
	g_autoptr(FcopyPolicy) policy = policy_of("Allow=", NULL);

	g_assert_nonnull(policy);
	g_assert_null(fcopy_policy_allowed(policy, "/"));
	g_assert_null(fcopy_policy_allowed(policy, "/srv"));
}

static void test_denied(void)
{
	g_autoptr(FcopyPolicy) policy = policy_of("Deny=/etc /home/*/.ssh /srv/*.so", NULL);

	g_assert_cmpstr(fcopy_policy_denied(policy, "/etc"), ==, "/etc");
	g_assert_cmpstr(fcopy_policy_denied(policy, "/etc/cron.d/x"), ==, "/etc");
	g_assert_null(fcopy_policy_denied(policy, "/etcetera"));
	g_assert_null(fcopy_policy_denied(policy, "/srv/etc"));
	g_assert_cmpstr(fcopy_policy_denied(policy, "/home/a/.ssh/key"), ==, "/home/*/.ssh");
	g_assert_cmpstr(fcopy_policy_denied(policy, "/home/a/b/.ssh"), ==, "/home/*/.ssh");
	g_assert_null(fcopy_policy_denied(policy, "/home/.ssh"));
	g_assert_cmpstr(fcopy_policy_denied(policy, "/srv/a/b.so"), ==, "/srv/*.so");
	g_assert_null(fcopy_policy_denied(policy, "/srv/a/b.so.1"));
	g_assert_null(fcopy_policy_denied(policy, "/"));
}

/* Wherever they are. */
static void test_denied_anywhere(void)
{
	g_autoptr(FcopyPolicy) policy = policy_of("Deny=*/.ssh/ *.service", NULL);

	g_assert_cmpstr(fcopy_policy_denied(policy, "/root/.ssh/key"), ==, "*/.ssh");
	g_assert_cmpstr(fcopy_policy_denied(policy, "/.ssh"), ==, "*/.ssh");
	g_assert_cmpstr(fcopy_policy_denied(policy, "/a/b/.ssh"), ==, "*/.ssh");
	g_assert_null(fcopy_policy_denied(policy, "/root/x.ssh"));
	g_assert_cmpstr(fcopy_policy_denied(policy, "/srv/a.service"), ==, "*.service");
	g_assert_cmpstr(fcopy_policy_denied(policy, "/srv/a.service/x"), ==, "*.service");
	g_assert_null(fcopy_policy_denied(policy, "/srv/a.services"));
}

static void test_denied_all(void)
{
	g_autoptr(FcopyPolicy) policy = policy_of("Deny=/", NULL);

	g_assert_cmpstr(fcopy_policy_denied(policy, "/a/b"), ==, "/");
	g_assert_cmpstr(fcopy_policy_denied(policy, "/"), ==, "/");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/policy/defaults", test_defaults);
	g_test_add_func("/fcopyd/policy/values", test_values);
	g_test_add_func("/fcopyd/policy/owner", test_owner);
	g_test_add_func("/fcopyd/policy/bad", test_bad);
	g_test_add_func("/fcopyd/policy/allowed", test_allowed);
	g_test_add_func("/fcopyd/policy/allow-nothing", test_allow_nothing);
	g_test_add_func("/fcopyd/policy/denied", test_denied);
	g_test_add_func("/fcopyd/policy/denied-anywhere", test_denied_anywhere);
	g_test_add_func("/fcopyd/policy/denied-all", test_denied_all);
	return g_test_run();
}
