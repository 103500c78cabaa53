dnl SPDX-License-Identifier: GPL-2.0-only
dnl What configure.ac asks for by name. Each macro owns one question and its configure option.

dnl HVIS_CC_FLAG(FLAG, VARIABLE): append FLAG to VARIABLE if the compiler takes it.
AC_DEFUN([HVIS_CC_FLAG], [
	AS_VAR_PUSHDEF([cachevar], [hvis_cv_cc_$1])
	AC_CACHE_CHECK([whether $CC accepts $1], [cachevar], [
		hvis_save_CFLAGS=$CFLAGS
		CFLAGS="$CFLAGS -Werror $1"
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
			[AS_VAR_SET([cachevar], [yes])], [AS_VAR_SET([cachevar], [no])])
		CFLAGS=$hvis_save_CFLAGS
	])
	AS_VAR_IF([cachevar], [yes], [AS_VAR_APPEND([$2], [" $1"])])
	AS_VAR_POPDEF([cachevar])
])

AC_DEFUN([HVIS_WARNINGS], [
	AC_ARG_ENABLE([werror],
		[AS_HELP_STRING([--enable-werror], [treat compiler warnings as errors])],
		[], [enable_werror=no])
	WARN_CFLAGS=
	m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
		-Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2
		-Wimplicit-fallthrough -Wswitch-enum -Wcast-align=strict -Wno-unused-parameter],
		[HVIS_CC_FLAG(flag, [WARN_CFLAGS])])
	AS_IF([test "$enable_werror" = yes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
	AC_SUBST([WARN_CFLAGS])
])

AC_DEFUN([HVIS_SANITIZERS], [
	AC_ARG_ENABLE([asan],
		[AS_HELP_STRING([--enable-asan], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
		[], [enable_asan=no])
	SAN_CFLAGS=
	AS_IF([test "$enable_asan" = yes],
		[SAN_CFLAGS="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"])
	AC_SUBST([SAN_CFLAGS])
])

AC_DEFUN([HVIS_FUZZERS], [
	AC_ARG_ENABLE([fuzz],
		[AS_HELP_STRING([--enable-fuzz], [build the libFuzzer targets in tests/fuzz (needs clang as CC)])],
		[], [enable_fuzz=no])
	FUZZ_CFLAGS=
	AS_IF([test "$enable_fuzz" = yes], [FUZZ_CFLAGS="-fsanitize=fuzzer-no-link"])
	AC_SUBST([FUZZ_CFLAGS])
	AM_CONDITIONAL([BUILD_FUZZ], [test "$enable_fuzz" = yes])
])

dnl Directories of systemd, udev and bash-completion: from pkg-config, below $prefix where the
dnl prefix is not the system's own, so that an unprivileged "make install" and distcheck work.
AC_DEFUN([HVIS_DIRS], [
	HVIS_DIR([systemdsystemunitdir], [systemd], [systemdsystemunitdir], [${prefix}/lib/systemd/system])
	HVIS_DIR([systemdpresetdir], [systemd], [systemdsystempresetdir], [${prefix}/lib/systemd/system-preset])
	HVIS_DIR([tmpfilesdir], [systemd], [tmpfilesdir], [${prefix}/lib/tmpfiles.d])
	HVIS_DIR([sysusersdir], [systemd], [sysusersdir], [${prefix}/lib/sysusers.d])
	HVIS_DIR([catalogdir], [systemd], [catalogdir], [${prefix}/lib/systemd/catalog])
	HVIS_DIR([udevrulesdir], [udev], [udevdir], [${prefix}/lib/udev], [/rules.d])
	AC_SUBST([zshcompletiondir], ['${datadir}/zsh/site-functions'])
	AC_SUBST([fishcompletiondir], ['${datadir}/fish/vendor_completions.d'])
	HVIS_DIR([bashcompletiondir], [bash-completion], [completionsdir], [${datadir}/bash-completion/completions])
	AC_ARG_WITH([pooldir],
		[AS_HELP_STRING([--with-pooldir=DIR], [where the key-value pools are @<:@/var/lib/hyperv@:>@])],
		[pooldir=$withval], [pooldir=/var/lib/hyperv])
	AC_SUBST([pooldir])
])

dnl HVIS_DIR(VARIABLE, PKG-CONFIG MODULE, ITS VARIABLE, WITHOUT PKG-CONFIG, [SUFFIX])
AC_DEFUN([HVIS_DIR], [
	AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=DIR], [override the directory of $2])],
		[$1=$withval], [
		$1=`$PKG_CONFIG --variable=$3 $2 2>/dev/null`
		AS_IF([test -n "$$1" && test "$prefix" = /usr], [$1="$$1$5"], [$1='$4$5'])
	])
	AC_SUBST([$1])
])

AC_DEFUN([HVIS_KERNEL_BUILD], [
	AC_ARG_WITH([kernel-build],
		[AS_HELP_STRING([--with-kernel-build=DIR], [reserved: there are no kernel modules in this version])],
		[AS_IF([test "$withval" != no],
			[AC_MSG_ERROR([--with-kernel-build: there are no kernel modules in this version])])])
])
