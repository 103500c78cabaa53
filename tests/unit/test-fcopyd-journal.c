/* SPDX-License-Identifier: GPL-2.0-only */
/* What an administrator reads in the journal about files that are not there, and about those that got no line. */
#include "config.h"

#include "fcopyd/journal.h"

static void end(FcopyJournal *journal, const char *name, const char *message, gint64 second)
{
	const FcopyTransfer transfer = { .directory = (char *)"/srv/",
		.name = (char *)name,
		.message = (char *)message,
		.result = FCOPY_RESULT_REFUSED };

	fcopy_journal_ended(journal, &transfer, second * G_USEC_PER_SEC);
}

static void check(const char *wanted)
{
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr(wanted);
}

static void start(void)
{
	g_unsetenv("SYSTEMD_EXEC_PID");
	hvis_log_init("fcopy", FALSE);
}

static void test_named_once(void)
{
	FcopyJournal journal = { 0 };

	if (!g_test_subprocess()) {
		check("File refused: /srv/a: is there already\n"
		      "File refused: /srv/b: /srv/: denied\n"
		      "File refused: /srv/c: /srv/cc: odd\n");
		return;
	}
	start();
	end(&journal, "a", "/srv/a: is there already", 1);
	end(&journal, "b", "/srv/: denied", 3);
	end(&journal, "c", "/srv/cc: odd", 5);
	fcopy_journal_clear(&journal);
}

static void test_left_out(void)
{
	FcopyJournal journal = { 0 };

	if (!g_test_subprocess()) {
		check("File refused: /srv/a: one\n"
		      "File refused: /srv/a: four (2 before it not logged: see \"hvctl fcopy "
		      "history\")\n"
		      "File refused: /srv/a: five\n");
		return;
	}
	start();
	end(&journal, "a", "one", 1);
	end(&journal, "a", "two", 1);
	end(&journal, "a", "one", 60);
	end(&journal, "a", "four", 61);
	end(&journal, "a", "five", 63);
	fcopy_journal_clear(&journal);
}

int main(int argc, char *argv[])
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/journal/named-once", test_named_once);
	g_test_add_func("/fcopyd/journal/left-out", test_left_out);
	return g_test_run();
}
