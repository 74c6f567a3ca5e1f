/* st_tokenizer.c - which of the files beside the weights has the tokenizer. */
#include "st_parts.h"

ridge_status st_read_tokenizer(struct st_model *model) {
  (void)model;
  return RIDGE_OK;
}
