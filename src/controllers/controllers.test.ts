import { createMemoryClient } from "../client/testing/memory-client.ts";
import { testControllers } from "./testing/scenarios.ts";

testControllers("in memory", async () => createMemoryClient());
