/* digest.c - SHA-256 names of contents. */
#include "base/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct digest hex_of(const unsigned char *sum) {
  struct digest digest;
  for (int i = 0; i < 32; i++) snprintf(digest.hex + 2 * i, 3, "%02x", sum[i]);
  return digest;
}

struct digest digest_bytes(const void *data, size_t size) {
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned n = 0;
  if (EVP_Digest(data, size, sum, &n, EVP_sha256(), NULL) != 1 || n != 32) abort();
  return hex_of(sum);
}

ridge_status digest_file(const char *path, struct digest *out, struct why *why) {
  return digest_file_while(path, NULL, NULL, out, why);
}

ridge_status digest_file_while(const char *path, bool (*go_on)(void *ctx, size_t more),
                               void *ctx, struct digest *out, struct why *why) {
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    return why_set(why, RIDGE_IO, "%s: cannot be read: %s", path, strerror(errno));
  enum { ROOM = 1 << 18 };
  unsigned char *chunk = malloc(ROOM), sum[EVP_MAX_MD_SIZE];
  EVP_MD_CTX *sha = EVP_MD_CTX_new();
  if (chunk == NULL || sha == NULL || EVP_DigestInit_ex(sha, EVP_sha256(), NULL) != 1)
    abort();
  bool on = true;
  for (size_t n; on && (n = fread(chunk, 1, ROOM, file)) > 0;) {
    EVP_DigestUpdate(sha, chunk, n);
    on = go_on == NULL || go_on(ctx, n);
  }
  bool bad = ferror(file) != 0;
  EVP_DigestFinal_ex(sha, sum, NULL);
  EVP_MD_CTX_free(sha);
  free(chunk);
  fclose(file);
  if (bad) return why_set(why, RIDGE_IO, "%s: reading failed: %s", path, strerror(errno));
  if (!on) return why_set(why, RIDGE_CANCELLED, "%s: reading was given up", path);
  *out = hex_of(sum);
  return RIDGE_OK;
}
