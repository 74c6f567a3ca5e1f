return use "kv.paged"
