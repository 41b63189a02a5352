// Asks a grid-proxy with the public npm clients, as they are installed beside this file's working folder.
// Usage: node grid_clients.js URL NODE_ID; prints one JSON object: what each call gave, or its error.

const { createRequire } = require("module");
const installed = createRequire(process.cwd() + "/");
const GridProxyClient = installed("@threefold/gridproxy_client").default;
const { GraphQLMonitor, GridProxyMonitor, TFChainMonitor } = installed("@threefold/monitoring");

const [url, node] = [process.argv[2], Number(process.argv[3])];
const grid = new GridProxyClient(url);
const everything = { loadFarm: true, loadTwin: true, loadStats: true };

const calls = {
  "stats.get": () => grid.stats.get(),
  "stats.get up": () => grid.stats.get({ status: "up" }),
  "nodes.list": () => grid.nodes.list({ size: 500, retCount: true }),
  "nodes.list page 2": () => grid.nodes.list({ size: 5, page: 2, retCount: true }),
  "nodes.list up,standby": () => grid.nodes.list({ status: "up,standby", size: 500 }),
  "nodes.list loadFarm loadTwin loadStats": () => grid.nodes.list({ size: 500 }, everything),
  "nodes.byId": () => grid.nodes.byId(node, everything),
  "nodes.gpuById": () => grid.nodes.gpuById(node),
  "gateways.list": () => grid.gateways.list({ retCount: true }),
  "farms.list": () => grid.farms.list({ retCount: true }),
  "farms.listAll": () => grid.farms.listAll(),
  "twins.list": () => grid.twins.list({ size: 500, retCount: true }),
  "twins.getConsumption": () => grid.twins.getConsumption(1),
  "contracts.list": () => grid.contracts.list({ size: 500, retCount: true }),
  "contracts.list live": () => grid.contracts.list({ state: ["Created", "GracePeriod"], size: 500 }),
  "publicIps.list": () => grid.publicIps.list({ size: 500, retCount: true }),
  "publicIps.listAll": () => grid.publicIps.listAll(),
  "GridProxyMonitor.isAlive": () => new GridProxyMonitor(url).isAlive(),
  "GraphQLMonitor.isAlive": () => new GraphQLMonitor(`${url}/graphql`).isAlive(),
  "TFChainMonitor.isAlive": () => new TFChainMonitor(`${url}/ws`).isAlive(),
};

async function main() {
  const answers = {};
  for (const [name, call] of Object.entries(calls)) {
    answers[name] = await call().catch((fault) => ({ error: String(fault) }));
  }
  process.stdout.write(JSON.stringify(answers));
}

main();
