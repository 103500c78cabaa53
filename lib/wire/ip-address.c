/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses; see the header. */
#include <wire/ip-address.h>

#include <arpa/inet.h>
#include <string.h>

#include <util/error.h>

guint ip_family_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

gboolean ip_address_parse(const char *text, IpAddress *ret, GError **error)
{
	IpAddress address = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };

	if (inet_pton(address.family, text, address.bytes) != 1)
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no IP address", text);
	address.prefix = (guint8)ip_family_bits(address.family);
	*ret = address;
	return TRUE;
}

gboolean ip_address_parse_cidr(const char *text, IpAddress *ret, GError **error)
{
	const char *slash = strchr(text, '/');
	g_autofree char *host = slash ? g_strndup(text, (gsize)(slash - text)) : NULL;
	IpAddress address;

	if (!slash)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"\"%s\": ADDRESS/PREFIX is wanted, such as 192.0.2.7/24", text);
	if (!ip_address_parse(host, &address, error) ||
		!ip_prefix_parse(slash + 1, address.family, &address.prefix, error))
		return FALSE;
	*ret = address;
	return TRUE;
}

/* How many bits are set before the first that is not; -1 where another follows it. */
static int count_mask(const guint8 *bytes, guint bits)
{
	guint n = 0;

	while (n < bits && bytes[n / 8] & 0x80 >> n % 8)
		n++;
	for (guint i = n; i < bits; i++) {
		if (bytes[i / 8] & 0x80 >> i % 8)
			return -1;
	}
	return (int)n;
}

gboolean ip_prefix_parse(const char *text, int family, guint8 *ret, GError **error)
{
	const char *digits = text + (text[0] == '/');
	guint64 number;
	IpAddress mask;
	int n;

	if (g_ascii_isdigit(digits[0]) &&
		g_ascii_string_to_unsigned(digits, 10, 0, ip_family_bits(family), &number, NULL)) {
		*ret = (guint8)number;
		return TRUE;
	}
	if (!ip_address_parse(text, &mask, NULL) || mask.family != family)
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no IPv%c prefix or mask",
			text, family == AF_INET ? '4' : '6');
	n = count_mask(mask.bytes, ip_family_bits(family));
	if (n < 0)
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "\"%s\" is no mask: it has a hole", text);
	*ret = (guint8)n;
	return TRUE;
}

char *ip_address_text(const IpAddress *address)
{
	char text[INET6_ADDRSTRLEN];

	return g_strdup(inet_ntop(address->family, address->bytes, text, sizeof(text)));
}

char *ip_address_cidr(const IpAddress *address)
{
	g_autofree char *text = ip_address_text(address);

	return g_strdup_printf("%s/%u", text, address->prefix);
}

char *ip_prefix_mask(const IpAddress *address)
{
	guint32 mask = address->prefix ? ~0u << (32 - address->prefix) : 0;

	return g_strdup_printf(
		"%u.%u.%u.%u", mask >> 24, mask >> 16 & 255, mask >> 8 & 255, mask & 255);
}

gboolean ip_address_equal(const IpAddress *a, const IpAddress *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static gboolean same_bits(const guint8 *a, const guint8 *b, guint bits)
{
	guint mask = 0xff00 >> bits % 8 & 0xff;

	return memcmp(a, b, bits / 8) == 0 &&
	       (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

gboolean ip_address_in(const IpAddress *address, const IpAddress *network)
{
	return address->family == network->family &&
	       same_bits(address->bytes, network->bytes, network->prefix);
}

typedef struct {
	int family;
	guint8 bytes[16];
	guint prefix;
} Block;

static gboolean in_block(const IpAddress *address, const Block *blocks, gsize n)
{
	for (gsize i = 0; i < n; i++) {
		if (blocks[i].family == address->family &&
			same_bits(address->bytes, blocks[i].bytes, blocks[i].prefix))
			return TRUE;
	}
	return FALSE;
}

gboolean ip_address_is_link_local(const IpAddress *address)
{
	static const Block blocks[] = { { AF_INET, { 169, 254 }, 16 },
		{ AF_INET6, { 0xfe, 0x80 }, 10 } };

	return in_block(address, blocks, G_N_ELEMENTS(blocks));
}

gboolean ip_address_is_host(const IpAddress *address)
{
	static const Block blocks[] = {
		{ AF_INET, { 0 }, 8 }, /* this network: RFC 6890 */
		{ AF_INET, { 127 }, 8 }, /* loopback */
		{ AF_INET, { 224 }, 3 }, /* multicast, reserved, broadcast */
		{ AF_INET6, { 0 }, 96 }, /* unspecified, loopback, IPv4-compatible */
		{ AF_INET6, { [10] = 0xff, 0xff }, 96 }, /* IPv4-mapped */
		{ AF_INET6, { 0xff }, 8 }, /* multicast */
	};

	return !in_block(address, blocks, G_N_ELEMENTS(blocks));
}

gboolean ip_address_is_network(const IpAddress *address)
{
	guint bits = ip_family_bits(address->family);
	gboolean zeros = TRUE, ones = address->family == AF_INET;

	if (address->prefix + 1u >= bits) /* two hosts or one: RFC 3021, RFC 6164 */
		return FALSE;
	for (guint i = address->prefix; i < bits; i++) {
		if (address->bytes[i / 8] & 0x80 >> i % 8)
			zeros = FALSE;
		else
			ones = FALSE;
	}
	return zeros || ones;
}

const char *ip_mac_read(const char *text, guint8 mac[6])
{
	for (guint i = 0; i < 6; i++) {
		if (i > 0 && (*text == ':' || *text == '-'))
			text++;
		if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
			return NULL;
		mac[i] = (guint8)(g_ascii_xdigit_value(text[0]) << 4 |
				  g_ascii_xdigit_value(text[1]));
		text += 2;
	}
	return text;
}

gboolean ip_mac_parse(const char *text, guint8 mac[6], GError **error)
{
	static const guint8 none[6];
	guint8 bytes[6];
	const char *rest = ip_mac_read(text, bytes);

	if (!rest)
		return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no MAC address", text);
	if (*rest || memcmp(bytes, none, sizeof(none)) == 0 || bytes[0] & 1)
		return hvis_fail(
			error, HVIS_ERROR_INVALID, "\"%s\" is no adapter's MAC address", text);
	memcpy(mac, bytes, sizeof(bytes));
	return TRUE;
}

void ip_mac_text(const guint8 mac[6], char ret[IP_MAC_TEXT_SIZE])
{
	g_snprintf(ret, IP_MAC_TEXT_SIZE, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
}
