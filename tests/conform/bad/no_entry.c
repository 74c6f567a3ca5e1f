/* no_entry.c - a shared object, but no plugin. */
int answer(void);
__attribute__((visibility("default"))) int answer(void) { return 42; }
