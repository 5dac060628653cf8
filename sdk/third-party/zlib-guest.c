/* zlib-guest.c - zlib, unmodified, as a guest: packs its input, unpacks it again, hands over the
 * packed bytes
 *
 * zlib is compiled with Z_SOLO, its own mode for programs without a C library; memory comes from
 * the heap by a pointer that only moves up. The output is the packed form, which any zlib can
 * unpack.
 */
#define Z_SOLO
#include <nub-guest.h>
#include <zlib.h>

NUB_HEAP_SIZE(33554432);

static char *heap_at;

struct bytes {
    uint8_t *data;
    uint64_t size;
};

static void *
allocate(void *opaque, unsigned count, unsigned size)
{
    char *block = heap_at;
    uint64_t bytes = ((uint64_t)count * size + 15) & ~15ull;

    (void)opaque;
    if (bytes > (uint64_t)(__nub_heap.end - heap_at))
        return 0;
    heap_at += bytes;
    return block;
}

static void
release(void *opaque, void *block)
{
    (void)opaque;
    (void)block;
}

static struct bytes
new_bytes(uint64_t size)
{
    uint8_t *data = allocate(0, 1, (unsigned)size);

    if (!data)
        nub_trap();
    return (struct bytes){ data, size };
}

static struct bytes
pack(struct bytes from)
{
    z_stream stream = { .zalloc = allocate, .zfree = release };
    struct bytes to = new_bytes(from.size + from.size / 8 + 64);

    if (deflateInit(&stream, 9) != Z_OK)
        nub_trap();
    stream.next_in = from.data;
    stream.avail_in = (unsigned)from.size;
    stream.next_out = to.data;
    stream.avail_out = (unsigned)to.size;
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END)
        nub_trap();
    to.size = stream.total_out;
    return to;
}

static struct bytes
unpack(struct bytes from, uint64_t size)
{
    z_stream stream = { .zalloc = allocate, .zfree = release };
    struct bytes to = new_bytes(size);

    if (inflateInit(&stream) != Z_OK)
        nub_trap();
    stream.next_in = from.data;
    stream.avail_in = (unsigned)from.size;
    stream.next_out = to.data;
    stream.avail_out = (unsigned)to.size;
    if (inflate(&stream, Z_FINISH) != Z_STREAM_END || stream.total_out != size)
        nub_trap();
    return to;
}

/* input: any bytes. Output (a0, a1): their packed form, after it has been unpacked and compared */
NUB_EXPORT struct bytes
round_trip(uint8_t *data, uint64_t size)
{
    heap_at = __nub_heap.start;
    struct bytes input = { data, size };
    struct bytes packed = pack(input);
    struct bytes again = unpack(packed, size);

    if (__builtin_memcmp(again.data, data, size) != 0)
        nub_trap();
    return packed;
}
