// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI tables, ACPI 3.0 forms (FADT revision 3). The hardware that they describe is pm.c, uart.c
 * and KVM's interrupt controllers. No interrupt override: KVM wires IRQ n to pin n.
 */
#include "config.h"

#include "host/vm/acpi.h"

#include <string.h>
#include <hvis/types.h>
#include "host/vm/dsdt.h"
#include "host/vm/pm.h"
#include "util/error.h"

#define ACPI_ALIGN 64u /* the FACS must be */
#define ACPI_OEM "HVIS  "
#define ACPI_OEM_TABLE "HVISHOST"
#define ACPI_CREATOR "HVIS"

struct acpi_header {
	char signature[4];
	hvis_le32 length;
	guint8 revision;
	guint8 checksum;
	char oem[6];
	char oem_table[8];
	hvis_le32 oem_revision;
	char creator[4];
	hvis_le32 creator_revision;
};

struct acpi_rsdp {
	char signature[8];
	guint8 checksum; /* of the first 20 bytes */
	char oem[6];
	guint8 revision;
	hvis_le32 rsdt;
	hvis_le32 length;
	hvis_le64 xsdt;
	guint8 extended_checksum; /* of all */
	guint8 reserved[3];
};

struct acpi_address { /* generic address structure */
	guint8 space, bits, offset, access;
	hvis_le64 address;
};

struct acpi_fadt {
	struct acpi_header header;
	hvis_le32 facs, dsdt;
	guint8 reserved, profile;
	hvis_le16 sci;
	hvis_le32 smi_command;
	guint8 acpi_enable, acpi_disable, s4bios, pstate;
	hvis_le32 pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer;
	hvis_le32 gpe0, gpe1;
	guint8 pm1_event_len, pm1_control_len, pm2_control_len, pm_timer_len;
	guint8 gpe0_len, gpe1_len, gpe1_base, cst;
	hvis_le16 c2_latency, c3_latency, flush_size, flush_stride;
	guint8 duty_offset, duty_width, day_alarm, month_alarm, century;
	hvis_le16 boot_flags;
	guint8 reserved2;
	hvis_le32 flags;
	struct acpi_address reset_register;
	guint8 reset_value;
	guint8 reserved3[3];
	hvis_le64 x_facs, x_dsdt;
	struct acpi_address x_blocks[8];
};

struct acpi_facs {
	char signature[4];
	hvis_le32 length, hardware_signature, waking_vector, global_lock, flags;
	hvis_le64 x_waking_vector;
	guint8 version;
	guint8 reserved[31];
};

struct acpi_madt {
	struct acpi_header header;
	hvis_le32 lapic;
	hvis_le32 flags;
};

struct acpi_madt_lapic {
	guint8 type, length, processor, apic_id;
	hvis_le32 flags;
};

struct acpi_madt_ioapic {
	guint8 type, length, id, reserved;
	hvis_le32 address, gsi_base;
};

static_assert(sizeof(struct acpi_header) == 36, "ACPI table");
static_assert(sizeof(struct acpi_rsdp) == 36, "ACPI table");
static_assert(sizeof(struct acpi_fadt) == 244, "ACPI table");
static_assert(offsetof(struct acpi_fadt, flags) == 112, "ACPI table");
static_assert(sizeof(struct acpi_facs) == 64, "ACPI table");

enum {
	FADT_NO_VGA = 1 << 2, /* boot flags */
	FADT_NO_CMOS_RTC = 1 << 5,
	FADT_WBINVD = 1 << 0, /* flags */
	FADT_POWER_BUTTON = 1 << 4,
	FADT_SLEEP_BUTTON = 1 << 5,
	FADT_TIMER_32 = 1 << 8,
	FADT_RESET = 1 << 10,
	MADT_PCAT = 1 << 0, /* there are two 8259 as well */
	MADT_ENABLED = 1 << 0,
	ACPI_SPACE_IO = 1,
};

/* Hands out room in the area, zeroed and aligned. */
typedef struct {
	guint8 *area;
	gsize size, used;
	guint64 gpa;
	gboolean full;
} AcpiArea;

guint8 acpi_checksum(const void *bytes, gsize len)
{
	const guint8 *p = bytes;
	guint8 sum = 0;

	while (len--)
		sum = (guint8)(sum + *p++);
	return (guint8)-sum;
}

/* Copy @len bytes in; returns where the guest sees them. */
static guint64 acpi_place(AcpiArea *area, const void *table, gsize len)
{
	gsize at = (area->used + ACPI_ALIGN - 1) & ~(gsize)(ACPI_ALIGN - 1);

	if (at > area->size || len > area->size - at) {
		area->full = TRUE;
		return 0;
	}
	memcpy(area->area + at, table, len);
	area->used = at + len;
	return area->gpa + at;
}

static struct acpi_header acpi_header(const char *signature, guint8 revision, gsize len)
{
	struct acpi_header header = { .length = hvis_le32_make((guint32)len),
		.revision = revision,
		.oem_revision = hvis_le32_make(1),
		.creator_revision = hvis_le32_make(1) };

	memcpy(header.signature, signature, sizeof(header.signature));
	memcpy(header.oem, ACPI_OEM, sizeof(header.oem));
	memcpy(header.oem_table, ACPI_OEM_TABLE, sizeof(header.oem_table));
	memcpy(header.creator, ACPI_CREATOR, sizeof(header.creator));
	return header;
}

static struct acpi_address acpi_io(guint port, guint bits)
{
	return (struct acpi_address){
		.space = ACPI_SPACE_IO, .bits = (guint8)bits, .address = hvis_le64_make(port)
	};
}

static guint64 acpi_place_fadt(AcpiArea *area)
{
	struct acpi_facs facs = { .length = hvis_le32_make(sizeof(facs)), .version = 2 };
	struct acpi_fadt fadt = { .header = acpi_header("FACP", 3, sizeof(fadt)) };
	guint32 facs_gpa, dsdt_gpa;

	memcpy(facs.signature, "FACS", sizeof(facs.signature));
	facs_gpa = (guint32)acpi_place(area, &facs, sizeof(facs));
	dsdt_gpa = (guint32)acpi_place(area, dsdt_aml_code, sizeof(dsdt_aml_code));
	fadt.facs = hvis_le32_make(facs_gpa);
	fadt.dsdt = hvis_le32_make(dsdt_gpa);
	fadt.x_dsdt = hvis_le64_make(dsdt_gpa);
	fadt.sci = hvis_le16_make(ACPI_SCI);
	fadt.pm1a_event = hvis_le32_make(PM1_EVENT);
	fadt.pm1a_control = hvis_le32_make(PM1_CONTROL);
	fadt.pm_timer = hvis_le32_make(PM_TIMER);
	fadt.pm1_event_len = 4;
	fadt.pm1_control_len = 2;
	fadt.pm_timer_len = 4;
	fadt.c2_latency = hvis_le16_make(0xfff); /* there is neither C2 nor C3 */
	fadt.c3_latency = hvis_le16_make(0xfff);
	fadt.boot_flags = hvis_le16_make(FADT_NO_VGA | FADT_NO_CMOS_RTC);
	fadt.flags = hvis_le32_make(
		FADT_WBINVD | FADT_POWER_BUTTON | FADT_SLEEP_BUTTON | FADT_TIMER_32 | FADT_RESET);
	fadt.reset_register = acpi_io(PM_RESET_PORT, 8);
	fadt.reset_value = PM_RESET_VALUE;
	fadt.header.checksum = acpi_checksum(&fadt, sizeof(fadt));
	return acpi_place(area, &fadt, sizeof(fadt));
}

static guint64 acpi_place_madt(AcpiArea *area, guint cpus)
{
	gsize len = sizeof(struct acpi_madt) + cpus * sizeof(struct acpi_madt_lapic) +
		    sizeof(struct acpi_madt_ioapic);
	struct acpi_madt madt = { .header = acpi_header("APIC", 3, len),
		.lapic = hvis_le32_make(ACPI_LAPIC_GPA),
		.flags = hvis_le32_make(MADT_PCAT) };
	struct acpi_madt_ioapic ioapic = { .type = 1,
		.length = sizeof(ioapic),
		.id = (guint8)cpus,
		.address = hvis_le32_make(ACPI_IOAPIC_GPA) };
	g_autoptr(GByteArray) table = g_byte_array_sized_new((guint)len);

	g_byte_array_append(table, (const guint8 *)&madt, sizeof(madt));
	for (guint i = 0; i < cpus; i++) {
		struct acpi_madt_lapic lapic = { 0, sizeof(lapic), (guint8)i, (guint8)i,
			hvis_le32_make(MADT_ENABLED) };

		g_byte_array_append(table, (const guint8 *)&lapic, sizeof(lapic));
	}
	g_byte_array_append(table, (const guint8 *)&ioapic, sizeof(ioapic));
	table->data[offsetof(struct acpi_header, checksum)] =
		acpi_checksum(table->data, table->len);
	return acpi_place(area, table->data, table->len);
}

static guint64 acpi_place_xsdt(AcpiArea *area, guint64 fadt, guint64 madt)
{
	struct {
		struct acpi_header header;
		hvis_le64 table[2];
	} xsdt = { .header = acpi_header("XSDT", 1, sizeof(xsdt)) };

	static_assert(sizeof(xsdt) == 52, "ACPI table");
	xsdt.table[0] = hvis_le64_make(fadt);
	xsdt.table[1] = hvis_le64_make(madt);
	xsdt.header.checksum = acpi_checksum(&xsdt, sizeof(xsdt));
	return acpi_place(area, &xsdt, sizeof(xsdt));
}

gboolean acpi_build(guint8 *area, gsize size, guint64 gpa, guint cpus, GError **error)
{
	AcpiArea a = { .area = area, .size = size, .gpa = gpa };
	struct acpi_rsdp rsdp = { .revision = 2, .length = hvis_le32_make(sizeof(rsdp)) };
	guint64 fadt, madt;

	acpi_place(&a, &rsdp, sizeof(rsdp)); /* its place; the contents follow */
	fadt = acpi_place_fadt(&a);
	madt = acpi_place_madt(&a, cpus);
	rsdp.xsdt = hvis_le64_make(acpi_place_xsdt(&a, fadt, madt));
	if (a.full)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "ACPI tables in %zu bytes", size);
	memcpy(rsdp.signature, "RSD PTR ", sizeof(rsdp.signature));
	memcpy(rsdp.oem, ACPI_OEM, sizeof(rsdp.oem));
	rsdp.checksum = acpi_checksum(&rsdp, offsetof(struct acpi_rsdp, length));
	rsdp.extended_checksum = acpi_checksum(&rsdp, sizeof(rsdp));
	memcpy(area, &rsdp, sizeof(rsdp));
	return TRUE;
}
