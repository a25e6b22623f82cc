/* One object: the programs share their maps. */
#include "packet.h"
#include "socket.h"
