// Track events with Segment's client for Node, and print its version.
// Arguments: host, write key, how many events, what their message ids begin with, and the folder
// that the client is installed in.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const [host, writeKey, count, prefix, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { Analytics } = require("@segment/analytics-node");
const manifest = `${folder}/node_modules/@segment/analytics-node/package.json`;

const analytics = new Analytics({ writeKey, host, flushAt: 100 });
const failures = [];
analytics.on("error", (error) => failures.push(error));
for (let n = 0; n < Number(count); n++) {
  analytics.track({
    userId: `user-${n % 20}`,
    event: "Order Completed",
    properties: { n, total: 42.5 },
    messageId: `${prefix}-${n}`,
  });
}
await analytics.closeAndFlush();
if (failures.length > 0) {
  console.error("not delivered:", failures);
  process.exit(1);
}
console.log(JSON.parse(readFileSync(manifest, "utf8")).version);
