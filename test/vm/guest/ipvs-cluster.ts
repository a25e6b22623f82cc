/** In the guest: a whole cluster of two nodes whose Services IPVS forwards. */
import { modeSuite } from "../../cluster/mode-suite.ts";

modeSuite("ipvs", { patience: 8 });
