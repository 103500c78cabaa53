// SPDX-License-Identifier: GPL-2.0-only
/* The UART as Linux's 8250 driver uses it: detection, sending, receiving, interrupts. */
#include "config.h"

#include <glib.h>
#include <string.h>
#include "host/vm/uart.h"

typedef struct {
	Uart uart;
	GString *sent;
	gboolean level;
	guint rises;
} Port;

static void sent(gpointer data, guint8 byte)
{
	Port *p = data;

	g_string_append_c(p->sent, (char)byte);
}

static void line(gpointer data, gboolean level)
{
	Port *p = data;

	g_assert_cmpint(level, !=, p->level); /* told only when it changes */
	p->level = level;
	p->rises += level;
}

static const UartOps ops = { sent, line };

static void set_up(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	p->sent = g_string_new(NULL);
	p->level = FALSE;
	p->rises = 0;
	uart_init(&p->uart, &ops, p);
}

static void tear_down(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	g_string_free(p->sent, TRUE);
}

/* As the driver opens it. */
static void open_port(Port *p, guint8 ier)
{
	uart_write(&p->uart, UART_IIR, UART_FCR_ENABLE);
	uart_write(&p->uart, UART_MCR, UART_MCR_OUT2 | UART_MCR_RTS | 0x01);
	uart_write(&p->uart, UART_IER, ier);
}

static guint8 iir(Port *p)
{
	return uart_read(&p->uart, UART_IIR) & 0x0f;
}

static void test_detect(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	uart_write(u, UART_IER, 0xff);
	g_assert_cmphex(uart_read(u, UART_IER), ==, 0x0f);
	uart_write(u, UART_SCRATCH, 0xa5);
	g_assert_cmphex(uart_read(u, UART_SCRATCH), ==, 0xa5);
	uart_write(u, UART_IIR, UART_FCR_ENABLE);
	g_assert_cmphex(uart_read(u, UART_IIR) & 0xc0, ==, 0xc0); /* a 16550A, and no more */
	uart_write(u, UART_IIR, UART_FCR_ENABLE | 0x20);
	g_assert_cmphex(uart_read(u, UART_IIR) & 0x20, ==, 0);
	uart_write(u, UART_IIR, 0);
	g_assert_cmphex(uart_read(u, UART_IIR) & 0xc0, ==, 0);
	g_assert_cmphex(uart_read(u, UART_LSR), ==, UART_LSR_THRE | UART_LSR_EMPTY);
	g_assert_cmphex(uart_read(u, UART_MSR), ==, 0xb0);
}

static void test_loop(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	open_port(p, UART_IER_RX);
	uart_write(u, UART_MCR, UART_MCR_LOOP | 0x0a);
	g_assert_cmphex(uart_read(u, UART_MSR) & 0xf0, ==, 0x90); /* what Linux tests */
	uart_write(u, UART_MCR, UART_MCR_LOOP | 0x05);
	g_assert_cmphex(uart_read(u, UART_MSR) & 0xf0, ==, 0x60);
	uart_write(u, UART_DATA, 'x');
	g_assert_cmpuint(p->sent->len, ==, 0);
	g_assert_false(p->level); /* the loop cuts the interrupt off */
	g_assert_cmpint(uart_read(u, UART_DATA), ==, 'x');
}

static void test_divisor(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	uart_write(u, UART_IER, 0x05);
	uart_write(u, UART_LCR, UART_LCR_DLAB | 0x03);
	uart_write(u, UART_DATA, 0x34);
	uart_write(u, UART_IER, 0x12);
	g_assert_cmphex(uart_read(u, UART_DATA), ==, 0x34);
	g_assert_cmphex(uart_read(u, UART_IER), ==, 0x12);
	uart_write(u, UART_LCR, 0x03);
	g_assert_cmphex(uart_read(u, UART_IER), ==, 0x05);
	g_assert_cmpuint(p->sent->len, ==, 0);
}

static void test_thre(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	open_port(p, 0);
	g_assert_false(p->level);
	uart_write(u, UART_IER, UART_IER_THRE); /* empty already: raised at once */
	g_assert_true(p->level);
	g_assert_cmphex(iir(p), ==, UART_IIR_THRE);
	g_assert_false(p->level); /* reading IIR is the acknowledgement */
	g_assert_cmphex(iir(p), ==, UART_IIR_NONE);
	uart_write(u, UART_DATA, 'a');
	g_assert_true(p->level);
	uart_write(u, UART_DATA, 'b');
	g_assert_cmphex(iir(p), ==, UART_IIR_THRE);
	uart_write(u, UART_IER, 0);
	uart_write(u, UART_IER, UART_IER_THRE);
	g_assert_true(p->level);
	uart_write(u, UART_IER, 0);
	g_assert_false(p->level);
	g_assert_cmpstr(p->sent->str, ==, "ab");
	g_assert_cmpuint(p->rises, ==, 3);
}

static void test_out2(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	uart_write(&p->uart, UART_IER, UART_IER_THRE);
	g_assert_false(p->level);
	uart_write(&p->uart, UART_MCR, UART_MCR_OUT2);
	g_assert_true(p->level);
	uart_write(&p->uart, UART_MCR, 0);
	g_assert_false(p->level);
}

static void test_blocked(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	open_port(p, UART_IER_THRE);
	iir(p);
	uart_set_blocked(u, TRUE);
	g_assert_cmphex(uart_read(u, UART_LSR) & UART_LSR_THRE, ==, 0);
	uart_write(u, UART_DATA, 'x'); /* a driver that gave up waiting */
	g_assert_false(p->level);
	g_assert_cmphex(iir(p), ==, UART_IIR_NONE);
	uart_set_blocked(u, FALSE);
	g_assert_true(p->level);
	g_assert_cmphex(iir(p), ==, UART_IIR_THRE);
	g_assert_cmphex(uart_read(u, UART_LSR) & UART_LSR_THRE, ==, UART_LSR_THRE);
}

static void test_receive(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	open_port(p, UART_IER_RX);
	uart_receive(u, (const guint8 *)"hello", 5);
	g_assert_true(p->level);
	g_assert_cmphex(iir(p), ==, UART_IIR_RX);
	for (guint i = 0; i < 5; i++) {
		g_assert_true(p->level);
		g_assert_cmphex(uart_read(u, UART_LSR) & UART_LSR_DATA, ==, UART_LSR_DATA);
		g_assert_cmpint(uart_read(u, UART_DATA), ==, "hello"[i]);
	}
	g_assert_false(p->level);
	g_assert_cmphex(uart_read(u, UART_LSR) & UART_LSR_DATA, ==, 0);
	g_assert_cmpint(uart_read(u, UART_DATA), ==, 0);
	g_assert_cmpuint(p->rises, ==, 1);
}

static void test_priority(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	open_port(p, UART_IER_RX | UART_IER_THRE);
	uart_receive(u, (const guint8 *)"x", 1);
	g_assert_cmphex(iir(p), ==, UART_IIR_RX); /* and THRE is not lost by reading this */
	uart_read(u, UART_DATA);
	g_assert_true(p->level);
	g_assert_cmphex(iir(p), ==, UART_IIR_THRE);
	g_assert_false(p->level);
}

static void test_overrun(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree guint8 *bytes = g_malloc0(UART_RX_SIZE + 1);
	Uart *u = &p->uart;

	open_port(p, UART_IER_LINE);
	uart_receive(u, bytes, UART_RX_SIZE);
	g_assert_false(p->level);
	g_assert_cmpuint(uart_room(u), ==, 0);
	uart_receive(u, bytes, 1);
	g_assert_cmphex(iir(p), ==, UART_IIR_LINE);
	g_assert_cmphex(uart_read(u, UART_LSR) & UART_LSR_OVERRUN, ==, UART_LSR_OVERRUN);
	g_assert_cmphex(uart_read(u, UART_LSR) & UART_LSR_OVERRUN, ==, 0);
	g_assert_cmphex(iir(p), ==, UART_IIR_NONE);
}

static void test_fifo_clear(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;

	open_port(p, UART_IER_RX);
	uart_receive(u, (const guint8 *)"junk", 4);
	uart_write(u, UART_IIR, UART_FCR_ENABLE | UART_FCR_CLEAR_RX);
	g_assert_false(p->level);
	g_assert_cmphex(uart_read(u, UART_LSR) & UART_LSR_DATA, ==, 0);
	uart_receive(u, (const guint8 *)"y", 1);
	g_assert_cmpint(uart_read(u, UART_DATA), ==, 'y');
}

/* Bytes that came before the port was open were lost to the driver's FIFO reset. */
static void test_rts(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_cmpuint(uart_room(&p->uart), ==, 0);
	uart_write(&p->uart, UART_MCR, UART_MCR_RTS);
	g_assert_cmpuint(uart_room(&p->uart), ==, UART_RX_SIZE);
	uart_write(&p->uart, UART_MCR, 0);
	g_assert_cmpuint(uart_room(&p->uart), ==, 0);
}

static void test_wrap(Port *p, gconstpointer data G_GNUC_UNUSED)
{
	Uart *u = &p->uart;
	guint8 in = 0, out = 0;

	open_port(p, 0);
	for (guint round = 0; round < 3 * UART_RX_SIZE / 100; round++) {
		for (guint i = 0; i < 100; i++, in++)
			uart_receive(u, &in, 1);
		for (guint i = 0; i < 100; i++, out++)
			g_assert_cmpuint(uart_read(u, UART_DATA), ==, out);
	}
}

#define ADD(path, func) g_test_add(path, Port, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/vm/uart/detect", test_detect);
	ADD("/vm/uart/loop", test_loop);
	ADD("/vm/uart/divisor", test_divisor);
	ADD("/vm/uart/thre", test_thre);
	ADD("/vm/uart/out2", test_out2);
	ADD("/vm/uart/blocked", test_blocked);
	ADD("/vm/uart/receive", test_receive);
	ADD("/vm/uart/priority", test_priority);
	ADD("/vm/uart/overrun", test_overrun);
	ADD("/vm/uart/fifo-clear", test_fifo_clear);
	ADD("/vm/uart/rts", test_rts);
	ADD("/vm/uart/wrap", test_wrap);
	return g_test_run();
}
