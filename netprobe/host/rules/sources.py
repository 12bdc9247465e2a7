"""The pages and source files that the rules of host and image stand on, with the day they were read."""

from __future__ import annotations

CHECKED = "2026-11-23"
"""When the sources of the first rules were read."""
READ_AGAIN = "2026-11-28"
"""When those of the rules were read that came after."""
DEVELOPER_GUIDE = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-anywhere.html"
AGENT = "https://github.com/aws/amazon-ecs-agent"
INSTALLER = f"{AGENT}/blob/master/scripts/ecs-anywhere-install.sh"
AGENT_CHANGES = f"{AGENT}/blob/master/CHANGELOG.md"
AGENT_VERSIONS = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-versions.html"
SSM_MESSAGES = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-setting-up-messageAPIs.html"
)
TRUST_SERVICES = "https://www.amazontrust.com/repository/"
