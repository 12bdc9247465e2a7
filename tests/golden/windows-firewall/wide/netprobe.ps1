# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Windows Defender Firewall (PowerShell)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2, eu-west-1
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images, install
# Allows: 14 endpoints by 4 entries, TCP port 80, 443
# Open connections: outbound connections that the new rules do not allow are cut
# Load: powershell -ExecutionPolicy Bypass -File netprobe.ps1 (elevated)
# Replace: the same: the old rules are replaced while outbound traffic stays blocked
# Roll back: netsh advfirewall import "$env:ProgramData\netprobe-before.wfw" (PowerShell, elevated)
# Losses: 8 widened
#   widened (exfiltration): ecs-a ecs-a-*.us-east-2.amazonaws.com, ecs-t ecs-t-*.us-east-2.amazonaws.com: it also admits every other name beneath us-east-2.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened (exfiltration): ecr-registry *.dkr.ecr.us-east-2.amazonaws.com, ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: no account was given, so the registry of every AWS account is admitted, not only your own: data can be pushed to any of them
#   widened: ecr-registry *.dkr.ecr.us-east-2.amazonaws.com: it also admits every other name beneath dkr.ecr.us-east-2.amazonaws.com
#   widened (exfiltration): ecs-a ecs-a-*.eu-west-1.amazonaws.com, ecs-t ecs-t-*.eu-west-1.amazonaws.com: it also admits every other name beneath eu-west-1.amazonaws.com, among them names that any AWS customer can own (buckets, load balancers): data can leave through it
#   widened: ecr-registry *.dkr.ecr.eu-west-1.amazonaws.com: it also admits every other name beneath dkr.ecr.eu-west-1.amazonaws.com
#   always: until a name has an address its first packets are dropped; an address stays until it is resolved again
#
#Requires -RunAsAdministrator
$ErrorActionPreference = 'Stop'

# Nothing is changed until these hold: without them no keyword ever gets an address, and nothing would be admitted.
if ([System.Environment]::OSVersion.Version.Build -lt 20348) { throw 'dynamic keywords need build 20348 or later' }
$defender = Get-MpPreference
if ($defender.EnableNetworkProtection -notin 1, 2) { throw 'network protection is not enabled: the page says how' }
$server = (Get-CimInstance -ClassName Win32_OperatingSystem).ProductType -ne 1
if ($server -and -not $defender.AllowNetworkProtectionOnWinServer) { throw 'network protection is not allowed on Windows Server: the page says how' }

$before = Join-Path $env:ProgramData 'netprobe-before.wfw'
if (-not (Test-Path $before)) {
    netsh advfirewall export $before
    if ($LASTEXITCODE -ne 0) { throw 'the policy in force could not be saved' }
}

Get-NetFirewallRule -Group 'netprobe' -ErrorAction SilentlyContinue | Remove-NetFirewallRule

Remove-NetFirewallDynamicKeywordAddress -Id '{a8c3957e-1d0e-563b-97de-21708a66e457}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{a8c3957e-1d0e-563b-97de-21708a66e457}' -Keyword '*.eu-west-1.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{b491a2ac-b602-530f-90ba-de0d1c52ab32}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{b491a2ac-b602-530f-90ba-de0d1c52ab32}' -Keyword '*.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{d4c37e37-661a-5cf0-b1bc-56cf905e6784}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{d4c37e37-661a-5cf0-b1bc-56cf905e6784}' -Keyword 'archive.ubuntu.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{15b461c1-05ad-5bf9-951a-2eb922da6113}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{15b461c1-05ad-5bf9-951a-2eb922da6113}' -Keyword 'download.docker.com' -AutoResolve $true
New-NetFirewallRule -Name 'netprobe-allow-80' -DisplayName 'netprobe: ECS Anywhere, TCP 80' -Group 'netprobe' -Direction Outbound -Action Allow -Protocol TCP -RemotePort 80 -RemoteDynamicKeywordAddresses @(
    '{d4c37e37-661a-5cf0-b1bc-56cf905e6784}'
)
New-NetFirewallRule -Name 'netprobe-allow-443' -DisplayName 'netprobe: ECS Anywhere, TCP 443' -Group 'netprobe' -Direction Outbound -Action Allow -Protocol TCP -RemotePort 443 -RemoteDynamicKeywordAddresses @(
    '{15b461c1-05ad-5bf9-951a-2eb922da6113}',
    '{a8c3957e-1d0e-563b-97de-21708a66e457}',
    '{b491a2ac-b602-530f-90ba-de0d1c52ab32}'
)

