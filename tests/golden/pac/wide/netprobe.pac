// Amazon ECS Anywhere allowlist for proxy auto-configuration (PAC)
// Made by netprobe 0.1.0; do not edit, render it again:
//   netprobe render TARGET --region us-east-2
// Facts: catalog test
// Regions: us-east-2, eu-west-1
// Groups: control, images, install
// Allows: 14 endpoints by 14 entries, TCP port 80, 443
// Else: sent to a proxy on the client's own port 9, which is not there; edit netprobeElse for another way
// Check: node --check < netprobe.pac
// Replace: rename the new file into place on the web server; clients read it at their next start or network change
// Roll back: rename the old file back
// Losses: 2 widened
//   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no --account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
//
// The way for what is listed ("PROXY proxy.example.net:3128" for a proxy), and the way for everything else.
var netprobeAllowed = "DIRECT";
var netprobeElse = "PROXY 127.0.0.1:9";

var netprobeNames = [
  ["80", "archive.ubuntu.com"],
  ["443", "ecs.eu-west-1.amazonaws.com"],
  ["443", "ecs-a.eu-west-1.amazonaws.com"],
  ["443", "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"],
  ["443", "ecs.us-east-2.amazonaws.com"],
  ["443", "ecs-a.us-east-2.amazonaws.com"],
  ["443", "prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com"],
  ["443", "download.docker.com"]
];

var netprobePatterns = [
  ["443", /^[^.]+\.dkr\.ecr\.eu-west-1\.amazonaws\.com$/],
  ["443", /^ecs-a-[^.]+\.eu-west-1\.amazonaws\.com$/],
  ["443", /^ecs-t-[^.]+\.eu-west-1\.amazonaws\.com$/],
  ["443", /^[^.]+\.dkr\.ecr\.us-east-2\.amazonaws\.com$/],
  ["443", /^ecs-a-[^.]+\.us-east-2\.amazonaws\.com$/],
  ["443", /^ecs-t-[^.]+\.us-east-2\.amazonaws\.com$/]
];

function netprobePort(url) {
  var parts = url.split("/");
  var explicit = /:([0-9]+)$/.exec(parts[2] || "");
  if (explicit) {
    return explicit[1];
  }
  return /^(https|wss):$/i.test(parts[0]) ? "443" : "80";
}

function FindProxyForURL(url, host) {
  var name = host.toLowerCase();
  var port = netprobePort(url);
  var i;
  for (i = 0; i < netprobeNames.length; i++) {
    if (netprobeNames[i][0] === port && netprobeNames[i][1] === name) {
      return netprobeAllowed;
    }
  }
  for (i = 0; i < netprobePatterns.length; i++) {
    if (netprobePatterns[i][0] === port && netprobePatterns[i][1].test(name)) {
      return netprobeAllowed;
    }
  }
  return netprobeElse;
}
