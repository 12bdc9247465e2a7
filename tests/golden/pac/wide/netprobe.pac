// Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
// Amazon ECS Anywhere allowlist for proxy auto-configuration (PAC)
// Made by netprobe 0.1.0; do not edit, render it again:
//   netprobe render TARGET --region us-east-2
// Facts: catalog test
// Regions: us-east-2, eu-west-1
// Another region: render it together with these; alone it takes this file's place, unless it has another --name
// Groups: control, images, install
// Allows: 14 endpoints by 14 entries, TCP port 80, 443
// Open connections: a client asks the file for new connections only
// Check: node --check < netprobe.pac
// Load: serve it as application/x-ns-proxy-autoconfig, and give clients its address (policy, DHCP option 252, WPAD)
// Replace: rename the new file into place on the web server; clients read it at their next start or network change
// Roll back: rename the old file back
// Losses: 2 widened
//   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
//
// Put it in front of your FindProxyForURL, and as the first line of that function:
//   if (netprobe_way(url, host)) { return netprobe_way(url, host); }
// The way for what is listed ("PROXY proxy.example.net:3128" for a proxy):
var netprobe_allowed = "DIRECT";

var netprobe_names = [
  ["80", "archive.ubuntu.com"],
  ["443", "ecs.eu-west-1.amazonaws.com"],
  ["443", "ecs-a.eu-west-1.amazonaws.com"],
  ["443", "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"],
  ["443", "ecs.us-east-2.amazonaws.com"],
  ["443", "ecs-a.us-east-2.amazonaws.com"],
  ["443", "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"],
  ["443", "download.docker.com"]
];

var netprobe_patterns = [
  ["443", /^[a-z0-9-]+\.dkr\.ecr\.eu-west-1\.amazonaws\.com$/],
  ["443", /^ecs-a-[a-z0-9-]+\.eu-west-1\.amazonaws\.com$/],
  ["443", /^ecs-t-[a-z0-9-]+\.eu-west-1\.amazonaws\.com$/],
  ["443", /^[a-z0-9-]+\.dkr\.ecr\.us-east-2\.amazonaws\.com$/],
  ["443", /^ecs-a-[a-z0-9-]+\.us-east-2\.amazonaws\.com$/],
  ["443", /^ecs-t-[a-z0-9-]+\.us-east-2\.amazonaws\.com$/]
];

function netprobe_port(url) {
  var parts = url.split("/");
  var explicit = /:([0-9]+)$/.exec(parts[2] || "");
  if (explicit) {
    return explicit[1];
  }
  return /^(https|wss):$/i.test(parts[0]) ? "443" : "80";
}

function netprobe_way(url, host) {
  var name = host.toLowerCase();
  var port = netprobe_port(url);
  var i;
  for (i = 0; i < netprobe_names.length; i++) {
    if (netprobe_names[i][0] === port && netprobe_names[i][1] === name) {
      return netprobe_allowed;
    }
  }
  for (i = 0; i < netprobe_patterns.length; i++) {
    if (netprobe_patterns[i][0] === port && netprobe_patterns[i][1].test(name)) {
      return netprobe_allowed;
    }
  }
  return null;
}
