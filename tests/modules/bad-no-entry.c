/* A shared object that is no module. */
int nub_test_not_a_module(void);

__attribute__((visibility("default"))) int
nub_test_not_a_module(void)
{
    return 1;
}
