/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading, checking and keeping the configuration. Every value is parsed when it is read, so that an
 * error can name its line and a getter cannot fail.
 */
#include <util/config.h>

#include <errno.h>
#include <string.h>

#include <util/duration.h>
#include <util/error.h>
#include <util/file.h>

#define CONFIG_FILE_MAX (256u * 1024u) /* ours */

typedef struct {
	char *text;
	char *origin; /* NULL = built in */
	gint64 number; /* BOOL, INT, SECONDS (ms), SIZE */
	char **words; /* LIST */
} Value;

struct HvisConfig {
	const HvisConfigKey *keys;
	gsize n_keys;
	Value *values; /* one per row of keys */
	GPtrArray *files;
};

static void value_clear(Value *v)
{
	g_free(v->text);
	g_free(v->origin);
	g_strfreev(v->words);
	*v = (Value){ 0 };
}

/* --- values --- */

static gboolean parse_bool(const char *text, gint64 *ret)
{
	static const char *const yes[] = { "yes", "true", "on", "1", NULL };
	static const char *const no[] = { "no", "false", "off", "0", NULL };

	*ret = g_strv_contains(yes, text);
	return *ret || g_strv_contains(no, text);
}

/* A decimal number and what follows it. */
static gboolean parse_number(const char *text, gint64 *ret, const char **rest)
{
	char *end;

	if (!g_ascii_isdigit(text[text[0] == '-']))
		return FALSE;
	errno = 0;
	*ret = g_ascii_strtoll(text, &end, 10);
	*rest = end;
	return errno == 0;
}

static gboolean parse_size(const char *text, gint64 *ret)
{
	static const char *const units[] = { "", "K", "M", "G" };
	const char *rest;
	gint64 number;

	if (!parse_number(text, &number, &rest) || number < 0)
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(units); i++)
		if (strcmp(rest, units[i]) == 0 && number <= G_MAXINT64 >> (10 * i)) {
			*ret = number << (10 * i);
			return TRUE;
		}
	return FALSE;
}

/* "64", or where it is a time "500 ms" */
static char *text_of(const HvisConfigKey *key, gint64 number)
{
	return key->type == HVIS_CONFIG_SECONDS ? hvis_duration_text(number * 1000)
						: g_strdup_printf("%" G_GINT64_FORMAT, number);
}

static gboolean in_range(const HvisConfigKey *key, gint64 number, GError **error)
{
	g_autofree char *min = text_of(key, key->min);
	g_autofree char *max = text_of(key, key->max);

	if (number >= key->min && number <= key->max)
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_INVALID, "must be from %s to %s", min, max);
}

static gboolean parse_choice(const HvisConfigKey *key, const char *text, GError **error)
{
	g_autofree char *all = NULL;

	if (g_strv_contains(key->choices, text))
		return TRUE;
	all = g_strjoinv(", ", (char **)key->choices);
	return hvis_fail(error, HVIS_ERROR_INVALID, "must be one of: %s", all);
}

static char **split_words(const char *text)
{
	g_auto(GStrv) parts = g_strsplit_set(text, " \t", -1);
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	for (char **p = parts; *p; p++) {
		if (**p)
			g_ptr_array_add(words, g_strdup(*p));
	}
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

/* Check @text and fill the parsed part of @v. */
static gboolean parse_value(const HvisConfigKey *key, const char *text, Value *v, GError **error)
{
	const char *rest;

	switch (key->type) {
	case HVIS_CONFIG_STRING:
		return TRUE;
	case HVIS_CONFIG_BOOL:
		return parse_bool(text, &v->number) ||
		       hvis_fail(error, HVIS_ERROR_INVALID, "must be yes or no");
	case HVIS_CONFIG_INT:
		if (!parse_number(text, &v->number, &rest) || *rest)
			return hvis_fail(error, HVIS_ERROR_INVALID, "must be a number");
		return in_range(key, v->number, error);
	case HVIS_CONFIG_SECONDS:
		if (!hvis_duration_parse(text, &v->number))
			return hvis_fail(error, HVIS_ERROR_INVALID, "must be " HVIS_DURATION_FORMS);
		return in_range(key, v->number, error);
	case HVIS_CONFIG_SIZE:
		if (!parse_size(text, &v->number))
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"must be a size such as 4096, 64K or 1M");
		return in_range(key, v->number, error);
	case HVIS_CONFIG_CHOICE:
		return parse_choice(key, text, error);
	case HVIS_CONFIG_PATH:
		return g_path_is_absolute(text) ||
		       hvis_fail(error, HVIS_ERROR_INVALID, "must be an absolute path");
	case HVIS_CONFIG_LIST:
		v->words = split_words(text);
		return TRUE;
	case HVIS_CONFIG_N:
		break;
	}
	g_return_val_if_reached(FALSE);
}

static gboolean set_value(
	HvisConfig *config, gsize row, const char *text, char *origin, GError **error)
{
	Value v = { .text = g_strdup(text), .origin = origin };

	if (!parse_value(&config->keys[row], text, &v, error)) {
		value_clear(&v);
		return FALSE;
	}
	value_clear(&config->values[row]);
	config->values[row] = v;
	return TRUE;
}

/* --- the table --- */

typedef enum { FOUND_NOTHING, FOUND_SECTION, FOUND_FOREIGN, FOUND_KEY } Found;

static Found find_row(const HvisConfig *config, const char *section, const char *key, gsize *row)
{
	Found found = FOUND_NOTHING;

	for (gsize i = 0; i < config->n_keys; i++) {
		if (strcmp(config->keys[i].section, section) != 0)
			continue;
		if (!config->keys[i].key)
			return FOUND_FOREIGN;
		found = FOUND_SECTION;
		if (key && strcmp(config->keys[i].key, key) == 0) {
			*row = i;
			return FOUND_KEY;
		}
	}
	return found;
}

/* --- files --- */

typedef struct {
	HvisConfig *config;
	const char *path;
	guint line;
	char *section; /* NULL before the first */
} Reader;

static gboolean fail_at(const Reader *r, GError **error, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static gboolean fail_at(const Reader *r, GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	return hvis_fail(error, HVIS_ERROR_INVALID, "%s:%u: %s", r->path, r->line, text);
}

static gboolean take_section(Reader *r, const char *line, GError **error)
{
	gsize len = strlen(line), row;
	char *name;

	if (len < 3 || line[len - 1] != ']')
		return fail_at(r, error, "a section looks like [kvp]");
	name = g_strndup(line + 1, len - 2);
	g_free(r->section);
	r->section = name;
	if (find_row(r->config, name, NULL, &row) == FOUND_NOTHING)
		return fail_at(r, error, "there is no section [%s]", name);
	return TRUE;
}

static gboolean take_key(Reader *r, char *line, GError **error)
{
	g_autoptr(GError) bad = NULL;
	char *equals = strchr(line, '=');
	const char *key, *text;
	gsize row;

	if (!equals)
		return fail_at(r, error, "neither a section nor key=value");
	if (!r->section)
		return fail_at(r, error, "a key before the first section");
	*equals = '\0';
	key = g_strstrip(line);
	text = g_strstrip(equals + 1);
	switch (find_row(r->config, r->section, key, &row)) {
	case FOUND_FOREIGN:
		return TRUE;
	case FOUND_NOTHING:
	case FOUND_SECTION:
		if (!r->section[0])
			return fail_at(r, error, "there is no key %s", key);
		return fail_at(r, error, "there is no key %s in [%s]", key, r->section);
	case FOUND_KEY:
		break;
	}
	if (set_value(r->config, row, text, g_strdup_printf("%s:%u", r->path, r->line), &bad))
		return TRUE;
	return fail_at(r, error, "%s=%s: %s", key, text, bad->message);
}

static gboolean take_line(Reader *r, char *line, GError **error)
{
	char *text;

	r->line++;
	if (line[0] == '#' || line[0] == ';')
		return TRUE;
	text = g_strstrip(line);
	if (text[0] == '\0')
		return TRUE;
	if (text[0] == '[')
		return take_section(r, text, error);
	return take_key(r, text, error);
}

static gboolean read_lines(Reader *r, const char *text, gsize len, GError **error)
{
	g_autofree char *copy = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_utf8_validate_len(text, len, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: not a text in UTF-8", r->path);
	copy = g_strndup(text, len);
	lines = g_strsplit(copy, "\n", -1);
	for (char **line = lines; *line; line++) {
		if (!take_line(r, *line, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean read_text(
	HvisConfig *config, const char *name, const char *text, gsize len, GError **error)
{
	Reader reader = { .config = config, .path = name };
	const char *first = config->n_keys > 0 ? config->keys[0].section : NULL;
	gboolean done;

	if (first && !first[0])
		reader.section = g_strdup("");
	g_ptr_array_insert(config->files, (gint)config->files->len - 1, g_strdup(name));
	done = read_lines(&reader, text, len, error);
	g_free(reader.section);
	return done;
}

/* @path is what a user calls the file, without the root. */
static gboolean read_file(HvisConfig *config, const char *root, const char *path, GError **error)
{
	g_autoptr(GError) missing = NULL;
	g_autofree char *real = g_strconcat(root, path, NULL);
	g_autofree char *text = NULL;
	gsize len;

	text = hvis_file_read(real, CONFIG_FILE_MAX, &len, &missing);
	if (text)
		return read_text(config, path, text, len, error);
	if (hvis_error_is(missing, HVIS_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&missing));
	return FALSE;
}

static gint by_name(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean read_drop_ins(
	HvisConfig *config, const char *root, const char *dir_path, GError **error)
{
	g_autofree char *real = g_strconcat(root, dir_path, NULL);
	g_autoptr(GError) closed = NULL;
	g_autoptr(GDir) dir = g_dir_open(real, 0, &closed);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	if (!dir && !g_error_matches(closed, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
		g_propagate_error(error, g_steal_pointer(&closed));
		return FALSE;
	}
	while (dir && (name = g_dir_read_name(dir))) {
		if (name[0] != '.' && g_str_has_suffix(name, ".conf"))
			g_ptr_array_add(names, g_strdup(name));
	}
	g_ptr_array_sort(names, by_name);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *path = g_strdup_printf("%s/%s", dir_path, (char *)names->pdata[i]);

		if (!read_file(config, root, path, error))
			return FALSE;
	}
	return TRUE;
}

/* --- the door --- */

static gboolean set_fallbacks(HvisConfig *config, GError **error)
{
	for (gsize i = 0; i < config->n_keys; i++) {
		const HvisConfigKey *key = &config->keys[i];

		if (key->key && !set_value(config, i, key->fallback, NULL, error)) {
			g_prefix_error(error, "built-in [%s] %s=%s: ", key->section, key->key,
				key->fallback);
			return FALSE;
		}
	}
	return TRUE;
}

static HvisConfig *config_new(const HvisConfigKey *keys, GError **error)
{
	g_autoptr(HvisConfig) config = g_new0(HvisConfig, 1);

	config->keys = keys;
	while (keys[config->n_keys].section)
		config->n_keys++;
	config->values = g_new0(Value, config->n_keys);
	config->files = g_ptr_array_new_with_free_func(g_free);
	g_ptr_array_add(config->files, NULL);
	return set_fallbacks(config, error) ? g_steal_pointer(&config) : NULL;
}

HvisConfig *hvis_config_load(const HvisConfigKey *keys, const char *root, GError **error)
{
	g_autoptr(HvisConfig) config = config_new(keys, error);

	if (!config || !read_file(config, root, HVIS_VENDOR_DIR "/hvis.conf", error) ||
		!read_file(config, root, HVIS_SYSCONF_DIR "/hvis.conf", error) ||
		!read_drop_ins(config, root, HVIS_SYSCONF_DIR "/hvis.conf.d", error))
		return NULL;
	return g_steal_pointer(&config);
}

HvisConfig *hvis_config_parse(
	const HvisConfigKey *keys, const char *name, const char *text, gsize len, GError **error)
{
	g_autoptr(HvisConfig) config = config_new(keys, error);

	if (!config || !read_text(config, name, text, len, error))
		return NULL;
	return g_steal_pointer(&config);
}

void hvis_config_free(HvisConfig *config)
{
	if (!config)
		return;
	for (gsize i = 0; i < config->n_keys; i++)
		value_clear(&config->values[i]);
	g_free(config->values);
	g_ptr_array_unref(config->files);
	g_free(config);
}

static const Value *value_of(HvisConfig *config, const char *section, const char *key)
{
	gsize row = 0;

	if (find_row(config, section, key, &row) != FOUND_KEY)
		g_error("no configuration key %s in [%s]", key, section);
	return &config->values[row];
}

const char *hvis_config_string(HvisConfig *config, const char *section, const char *key)
{
	return value_of(config, section, key)->text;
}

gboolean hvis_config_bool(HvisConfig *config, const char *section, const char *key)
{
	return value_of(config, section, key)->number != 0;
}

gint64 hvis_config_int(HvisConfig *config, const char *section, const char *key)
{
	return value_of(config, section, key)->number;
}

const char *const *hvis_config_list(HvisConfig *config, const char *section, const char *key)
{
	return (const char *const *)value_of(config, section, key)->words;
}

const char *hvis_config_origin(HvisConfig *config, const char *section, const char *key)
{
	return value_of(config, section, key)->origin;
}

void hvis_config_foreach(HvisConfig *config, HvisConfigEach each, gpointer data)
{
	for (gsize i = 0; i < config->n_keys; i++) {
		if (config->keys[i].key)
			each(&config->keys[i], config->values[i].text, config->values[i].origin,
				data);
	}
}

const char *const *hvis_config_files(HvisConfig *config)
{
	return (const char *const *)config->files->pdata;
}
