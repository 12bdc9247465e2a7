// Enforces and decides for every client: what is not listed is denied on port 443
// Amazon ECS Anywhere allowlist for proxy auto-configuration (PAC)
// Made by netprobe 0.1.0; do not edit, render it again:
//   netprobe render TARGET --region us-east-2
// Facts: catalog test
// Regions: us-east-2
// Another region: render it together with these; alone it takes this file's place, and under another --name each file denies what only the other allows
// Groups: control, images
// Allows: 6 endpoints by 6 entries, TCP port 443
// Else: sent to a proxy on the client's own port 9, which is not there; edit netprobeElse for another way
// Open connections: a client asks the file for new connections only
// Check: node --check < netprobe.pac
// Load: serve it as application/x-ns-proxy-autoconfig, and give clients its address (policy, DHCP option 252, WPAD)
// Replace: rename the new file into place on the web server; clients read it at their next start or network change
// Roll back: rename the old file back
// Losses: none; it admits exactly the names above.
//
// The way for what is listed ("PROXY proxy.example.net:3128" for a proxy), and the way for everything else.
var netprobe_allowed = "DIRECT";
var netprobe_else = "PROXY 127.0.0.1:9";

var netprobe_names = [
  ["443", "123456789012.dkr.ecr.us-east-2.amazonaws.com"],
  ["443", "ecs.us-east-2.amazonaws.com"],
  ["443", "ecs-a.us-east-2.amazonaws.com"],
  ["443", "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"]
];

var netprobe_patterns = [
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

function FindProxyForURL(url, host) {
  return netprobe_way(url, host) || netprobe_else;
}
