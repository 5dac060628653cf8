/* isort.c - insertion sort of 1000 numbers: loads, compares and stores that wait for each other */
#include "example.h"

#define N 1000

static uint32_t numbers[N];

static uint64_t
example(uint64_t seed)
{
    uint32_t state = (uint32_t)seed | 1;
    uint64_t sum = 0;

    for (int i = 0; i < N; i++) {
        state = state * 1664525u + 1013904223u;
        numbers[i] = state >> 8;
    }
    for (int i = 1; i < N; i++) {
        uint32_t x = numbers[i];
        int j = i;
        for (; j > 0 && numbers[j - 1] > x; j--)
            numbers[j] = numbers[j - 1];
        numbers[j] = x;
    }
    for (int i = 0; i < N; i++)
        sum = sum * 31 + numbers[i];
    return sum;
}
