/* instance_inside.h - what the files of instance.h share.  Inside registry/ only. */
#ifndef RIDGE_REGISTRY_INSTANCE_INSIDE_H
#define RIDGE_REGISTRY_INSTANCE_INSIDE_H

#include "registry/instance.h"

/* Fill `host` of an instance whose id, seed and set are known. */
void instance_host_fill(struct instance *);
/* Free what the plugin got by `alloc` and did not give back. */
void instance_memory_release(struct instance *);
/* Take what the plugin last said ("" when it said nothing), and forget it. */
void instance_said_take(struct instance *, char to[1024]);

#endif
