/* matmul.c - a 48 by 48 product of 64-bit integers: multiply, add, stride */
#include "example.h"

#define N 48

static uint64_t a[N][N], b[N][N], c[N][N];

static uint64_t
example(uint64_t seed)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < N; j++) {
            a[i][j] = seed + i * 7 + j;
            b[i][j] = seed ^ (i + j * 13);
        }
    }
    for (unsigned i = 0; i < N; i++) {
        for (unsigned j = 0; j < N; j++) {
            uint64_t dot = 0;
            for (unsigned k = 0; k < N; k++)
                dot += a[i][k] * b[k][j];
            c[i][j] = dot;
        }
    }
    for (unsigned i = 0; i < N; i++)
        sum = sum * 31 + c[i][N - 1 - i];
    return sum;
}
