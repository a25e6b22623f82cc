import { createMemoryClient } from "../client/testing/memory-client.ts";
import { testControllers } from "./testing/scenarios.ts";
import { testWorkloads } from "./testing/workload-scenarios.ts";

testControllers("in memory", async () => createMemoryClient());
testWorkloads("in memory", async () => createMemoryClient());
