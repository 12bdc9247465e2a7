// Hold objects to published schemas: a list of {schema, object} on stdin, a list of lists of errors on stdout.
//
//   node check.mjs NODE_MODULES < objects.json
//
// The validators are those that the packages bring, made from the vendors' own definitions.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const SCHEMAS = {
  "cilium.io/v2/CiliumNetworkPolicy":
    "@kubernetes-models/cilium/_schemas/ComGithubCiliumCiliumPkgK8sApisCiliumIoV2CiliumNetworkPolicy.js",
  "networking.istio.io/v1/ServiceEntry": "@kubernetes-models/istio/_schemas/NetworkingIstioIoV1ServiceEntry.js",
  "networking.istio.io/v1/Sidecar": "@kubernetes-models/istio/_schemas/NetworkingIstioIoV1Sidecar.js",
  "networking.k8s.io/v1/NetworkPolicy": "kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy.js",
};
const found = [];
for (const one of JSON.parse(readFileSync(0, "utf8"))) {
  const file = resolve(process.argv[2], SCHEMAS[`${one.apiVersion}/${one.kind}`]);
  const { validate } = await import(pathToFileURL(file));
  found.push(validate(one) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.keyword}`));
}
process.stdout.write(JSON.stringify(found));
