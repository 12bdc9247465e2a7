# Salt state: salt 'web*' state.apply netprobe. Options come from the pillar 'netprobe'.
{% set netprobe = salt['pillar.get']('netprobe', {}) %}
{% set directory = netprobe.get('directory', '/var/lib/netprobe-fleet') %}

netprobe_script:
  file.managed:
    - name: {{ directory }}/fetch-and-check.sh
    - source: salt://netprobe/fetch-and-check.sh
    - user: root
    - group: root
    - mode: '0755'
    - makedirs: true
    - dir_mode: '0755'

netprobe_check:
  cmd.run:
    - name: {{ directory }}/fetch-and-check.sh
    - env:
      - NETPROBE_URL: {{ netprobe.get('url', '') | yaml_dquote }}
      - NETPROBE_SHA256: {{ netprobe.get('sha256', '') | yaml_dquote }}
      - NETPROBE_OPTIONS: {{ netprobe.get('options', '--region us-east-2') | yaml_dquote }}
      - NETPROBE_DIR: {{ directory | yaml_dquote }}
    - timeout: 600
    - require:
      - file: netprobe_script
{% if salt['config.get']('file_client') != 'local' %}

# The master takes the report in (file_recv: True): /var/cache/salt/master/minions/MINION/files/…/report.json
netprobe_report:
  module.run:
    - cp.push:
      - path: {{ directory }}/report.json
    - require:
      - cmd: netprobe_check
{% endif %}
