/* SPDX-License-Identifier: GPL-2.0-only */
/* The lock of Azure's extension: who has it, and who has not. */
#include "config.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>

#include "tests/unit/remove-tree.h"
#include "vssd/azure.h"

#define FOLDER "etc/azure/MicrosoftRecoverySvcsSafeFreezeLock"

/* A child that has @path locked until it is killed. */
static pid_t lock_in_child(const char *path, short type)
{
	struct flock whole = { .l_type = type, .l_whence = SEEK_SET };
	int done[2];
	char byte = 0;
	pid_t pid;

	g_assert_cmpint(pipe(done), ==, 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CREAT, 0644);

		if (fd < 0 || fcntl(fd, F_SETLK, &whole) < 0 || write(done[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(done[1]);
	g_assert_cmpint(read(done[0], &byte, 1), ==, 1);
	close(done[0]);
	return pid;
}

/* Whether the lock is refused while another process has one of @type. */
static gboolean is_refused(short type)
{
	g_autofree char *root = g_dir_make_tmp("hvis-azure-XXXXXX", NULL);
	g_autofree char *folder = g_build_filename(root, FOLDER, NULL);
	g_autofree char *path = g_build_filename(folder, "SafeFreezeLockFile", NULL);
	g_autoptr(GError) error = NULL;
	gboolean locked;
	int fd = -1;
	pid_t pid;

	g_assert_cmpint(g_mkdir_with_parents(folder, 0755), ==, 0);
	pid = lock_in_child(path, type);
	locked = vss_azure_lock(root, &fd, &error);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	remove_tree(root);
	g_assert_cmpint(fd, ==, -1);
	if (!locked)
		g_assert_error(error, HVIS_ERROR, HVIS_ERROR_BUSY);
	return !locked;
}

static void test_extension_is_freezing(void)
{
	g_assert_true(is_refused(F_WRLCK));
}

/* The file may be everybody's to read. */
static void test_lock_of_a_reader_hinders_no_backup(void)
{
	g_assert_false(is_refused(F_RDLCK));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/azure/extension-is-freezing", test_extension_is_freezing);
	g_test_add_func("/vssd/azure/lock-of-a-reader-hinders-no-backup",
		test_lock_of_a_reader_hinders_no_backup);
	return g_test_run();
}
