# Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is
# Amazon ECS Anywhere allowlist for Windows Defender Firewall (PowerShell)
# Made by netprobe 0.1.0; do not edit, render it again:
#   netprobe render TARGET --region us-east-2
# Facts: catalog test
# Regions: us-east-2
# Another region: render it together with these; alone it takes this file's place, unless it has another --name
# Groups: control, images
# Allows: 6 endpoints by 10 entries, TCP port 443
# Open connections: outbound connections that the new rules do not allow are cut
# Load: powershell -ExecutionPolicy Bypass -File netprobe.ps1 (elevated)
# Replace: the same: the old rules are replaced while outbound traffic stays blocked
# Roll back: netsh advfirewall import "$env:ProgramData\netprobe-before.wfw" (PowerShell, elevated)
# Losses: 2 enumerated
#   enumerated: ecs-a ecs-a-*.us-east-2.amazonaws.com: the device cannot say ecs-a-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
#   enumerated: ecs-t ecs-t-*.us-east-2.amazonaws.com: the device cannot say ecs-t-*.us-east-2.amazonaws.com, so 3 names are listed (a test); AWS picks the number and may use one that is not listed: render again when it does
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

Remove-NetFirewallDynamicKeywordAddress -Id '{ecb1596b-6ffd-5137-91a0-762c868804cf}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{ecb1596b-6ffd-5137-91a0-762c868804cf}' -Keyword '123456789012.dkr.ecr.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{3d77ece3-7c0f-5f3c-8934-9a1717595b3f}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{3d77ece3-7c0f-5f3c-8934-9a1717595b3f}' -Keyword 'ecs-a-1.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{d91d465d-2531-51f3-bfbc-fa3257a263bb}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{d91d465d-2531-51f3-bfbc-fa3257a263bb}' -Keyword 'ecs-a-2.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{606eb3d5-24e8-5049-a7f2-a56e321bd397}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{606eb3d5-24e8-5049-a7f2-a56e321bd397}' -Keyword 'ecs-a-22.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{66976be8-d1b9-52e2-8032-3eaf789fe153}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{66976be8-d1b9-52e2-8032-3eaf789fe153}' -Keyword 'ecs-a.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{9bf68a72-aba6-515d-a23e-4cddedee39cb}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{9bf68a72-aba6-515d-a23e-4cddedee39cb}' -Keyword 'ecs-t-1.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{7fc4149c-d061-5821-8ff2-f5945f3c56e5}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{7fc4149c-d061-5821-8ff2-f5945f3c56e5}' -Keyword 'ecs-t-2.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{8a761673-e603-5373-815c-a3531779c87b}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{8a761673-e603-5373-815c-a3531779c87b}' -Keyword 'ecs-t-22.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{4a4fb451-247c-5186-b25a-b9b8dfa001bc}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{4a4fb451-247c-5186-b25a-b9b8dfa001bc}' -Keyword 'ecs.us-east-2.amazonaws.com' -AutoResolve $true
Remove-NetFirewallDynamicKeywordAddress -Id '{7179a00f-8abf-5297-b721-782143eefc2d}' -ErrorAction SilentlyContinue
New-NetFirewallDynamicKeywordAddress -Id '{7179a00f-8abf-5297-b721-782143eefc2d}' -Keyword 'prod-us-east-2-starport-layer-bucket.s3.us-east-2.amazonaws.com' -AutoResolve $true
New-NetFirewallRule -Name 'netprobe-allow-443' -DisplayName 'netprobe: ECS Anywhere, TCP 443' -Group 'netprobe' -Direction Outbound -Action Allow -Protocol TCP -RemotePort 443 -RemoteDynamicKeywordAddresses @(
    '{ecb1596b-6ffd-5137-91a0-762c868804cf}',
    '{4a4fb451-247c-5186-b25a-b9b8dfa001bc}',
    '{66976be8-d1b9-52e2-8032-3eaf789fe153}',
    '{3d77ece3-7c0f-5f3c-8934-9a1717595b3f}',
    '{d91d465d-2531-51f3-bfbc-fa3257a263bb}',
    '{606eb3d5-24e8-5049-a7f2-a56e321bd397}',
    '{9bf68a72-aba6-515d-a23e-4cddedee39cb}',
    '{7fc4149c-d061-5821-8ff2-f5945f3c56e5}',
    '{8a761673-e603-5373-815c-a3531779c87b}',
    '{7179a00f-8abf-5297-b721-782143eefc2d}'
)

