/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doctor-tree CASES: prints the ids of the cases. doctor-tree CASES ID COMMAND…: makes the machine of the case, runs
 * the command with "--root DIR" behind it, as nobody where the case is about that, and ends as it does.
 */
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/doctor-tree.h"

#define NOBODY 65534

static int list(const char *file)
{
	g_autoptr(GPtrArray) ids = doctor_tree_cases(file);

	for (guint i = 0; i < ids->len; i++)
		puts(ids->pdata[i]);
	return 0;
}

G_NORETURN static void run(const DoctorTree *tree, char **command)
{
	GPtrArray *argv = g_ptr_array_new();

	while (*command)
		g_ptr_array_add(argv, *command++);
	g_ptr_array_add(argv, (gpointer)(guintptr) "--root");
	g_ptr_array_add(argv, tree->root);
	g_ptr_array_add(argv, NULL);
	if (tree->nobody && geteuid() == 0 &&
		(setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
		_exit(99);
	execv(argv->pdata[0], (char **)argv->pdata);
	_exit(98);
}

int main(int argc, char **argv)
{
	DoctorTree tree;
	int status = 0;
	pid_t pid;

	if (argc == 2)
		return list(argv[1]);
	if (argc < 4)
		return 2;
	doctor_tree_make(&tree, argv[1], argv[2]);
	pid = fork();
	if (pid == 0)
		run(&tree, argv + 3);
	waitpid(pid, &status, 0);
	doctor_tree_remove(&tree);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
