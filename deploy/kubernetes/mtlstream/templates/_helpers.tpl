{{- define "mtlstream.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "mtlstream.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "mtlstream.labels" -}}
{{ include "mtlstream.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "mtlstream.account" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "mtlstream.name" .) }}{{ else }}{{ .Values.serviceAccount.name | default "default" }}{{ end }}
{{- end }}

{{- /* A value as text. Numbers of a values file are floats, which would become 2e+06. */}}
{{- define "mtlstream.text" -}}
{{- if kindIs "float64" . }}{{ if eq (floor .) . }}{{ int64 . }}{{ else }}{{ . }}{{ end }}{{ else }}{{ . }}{{ end }}
{{- end }}

{{- /* A map of which Kubernetes wants values that are text: labels, annotations, a selector of nodes. */}}
{{- define "mtlstream.texts" -}}
{{- range $key, $value := . }}
{{ $key | quote }}: {{ include "mtlstream.text" $value | quote }}
{{- end }}
{{- end }}

{{- /* The port of telemetry.endpoint, or of its scheme. */}}
{{- define "mtlstream.telemetryPort" -}}
{{- $url := urlParse .Values.telemetry.endpoint }}
{{- regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end }}

{{- /* The ports of registry.url, each of its scheme where it names none. */}}
{{- define "mtlstream.registryPorts" -}}
{{- range splitList "," .Values.registry.url }}
{{- $url := urlParse (trim .) }}
{{ regexFind ":[0-9]+$" $url.host | trimPrefix ":" | default (ternary "443" "80" (eq $url.scheme "https")) }}
{{- end }}
{{- end }}

{{- /* Cores requested, parts of one rounded up: 500m, "1.5" and 2 are 1, 2 and 2. */}}
{{- define "mtlstream.cores" -}}
{{- $cpu := dig "requests" "cpu" "" .Values.resources | toString }}
{{- if regexMatch "^[0-9]+m$" $cpu }}{{ divf (trimSuffix "m" $cpu) 1000 | ceil | int64 }}{{ else if regexMatch "^[0-9]+([.][0-9]+)?$" $cpu }}{{ ceil $cpu | int64 }}
{{- else if $cpu }}{{ fail (printf "resources.requests.cpu %s is no number of cores, such as 2, \"1.5\" or 500m." $cpu) }}{{ end }}
{{- end }}

{{- /* Which value makes the setting that is given as Section:Key, whatever its case; empty: none does, so that `settings` may. */}}
{{- define "mtlstream.owner" -}}
{{- $key := . | replace "__" ":" | lower }}
{{- $owners := dict "kafka:bootstrapservers" "kafka.bootstrapServers" "kafka:groupid" "kafka.groupId" "kafka:outputtopic" "kafka.outputTopic"
  "kafka:deadlettertopic" "kafka.deadLetterTopic" "kafka:reviewtopic" "kafka.reviewTopic" "kafka:answertopic" "kafka.answerTopic" "delivery:guarantee" "delivery.guarantee"
  "delivery:draintimeout" "delivery.drainTimeout" "delivery:transactionalid" "kafka.groupId and the pod's name"
  "model:device" "model.device" "model:path" "model.path" "model:shadow" "model.shadow" "model:shadowshare" "model.shadowShare"
  "model:canary" "model.canary" "model:canaryshare" "model.canaryShare" "http:url" "the port that the probes ask" "http:metrics" "telemetry.scrape"
  "registry:url" "registry.url" "registry:subjectnames" "registry.subjectNames" "registry:autoregister" "registry.autoRegister" "registry:cafile" "registry.caSecret"
  "http:annotate" "http.annotate" "http:grpcurl" "http.grpc" "http:page" "http.page" "http:showtexts" "http.showTexts" "http:token" "http.tokenSecret" }}
{{- range $section, $value := dict "kafka:inputtopics" "kafka.inputTopics" "kafka:client" "kafka.client" "kafka:consumer" "kafka.consumer" "kafka:producer" "kafka.producer" }}
{{- if hasPrefix (printf "%s:" $section) $key }}{{ $_ := set $owners $key $value }}{{ end }}
{{- end }}
{{- get $owners $key }}
{{- end }}

{{- /* What `env` adds to OTEL_RESOURCE_ATTRIBUTES, a comma before it. */}}
{{- define "mtlstream.attributes" -}}
{{- range .Values.env }}{{ if eq .name "OTEL_RESOURCE_ATTRIBUTES" }},{{ .value }}{{ end }}{{ end }}
{{- end }}

{{- define "mtlstream.check" -}}
{{- /* Here and not in the schema: so `helm lint` passes with the default values, and an installation is refused all the same. */}}
{{- range $name := list "bootstrapServers" "inputTopics" "outputTopic" "deadLetterTopic" }}
{{- if not (get $.Values.kafka $name) }}{{ fail (printf "kafka.%s is empty: every installation has its own." $name) }}{{ end }}
{{- end }}
{{- range $key, $_ := .Values.settings }}
{{- with include "mtlstream.owner" $key }}{{ fail (printf "settings %s: the chart writes this one itself, from %s." $key .) }}{{ end }}
{{- end }}
{{- range $name, $_ := .Values.kafka.client }}
{{- with get (dict "security.protocol" "kafka.securityProtocol" "sasl.mechanism" "kafka.saslMechanism" "sasl.mechanisms" "kafka.saslMechanism" "ssl.ca.location" (ternary "kafka.tlsSecret" "" (ne $.Values.kafka.tlsSecret ""))) ($name | replace "_" ".") }}
{{- fail (printf "kafka.client %s: the chart writes this one itself, from %s." $name .) }}
{{- end }}
{{- end }}
{{- range .Values.env }}
{{- if hasPrefix "MTLSTREAM__" .name }}
{{- $name := .name }}
{{- with include "mtlstream.owner" (trimPrefix "MTLSTREAM__" .name) }}{{ fail (printf "env %s: the chart writes this one itself, from %s." $name .) }}{{ end }}
{{- end }}
{{- if and $.Values.telemetry.endpoint (eq .name "OTEL_RESOURCE_ATTRIBUTES") (or (not .value) (regexMatch "(^|,) *(service[.](instance[.]id|namespace)|k8s[.](pod|namespace)[.]name) *=" .value)) }}
{{- fail "env OTEL_RESOURCE_ATTRIBUTES: expected a value with other attributes than service.instance.id, service.namespace, k8s.pod.name and k8s.namespace.name: the chart sets these, and alerts tell releases apart by them." }}
{{- end }}
{{- end }}
{{- if and (or .Values.http.annotate .Values.http.page .Values.http.grpc) (not .Values.http.tokenSecret) }}{{ fail "http.tokenSecret is empty: http.annotate, http.grpc and http.page need a secret with the key token, which requests bring." }}{{ end }}
{{- if and (not .Values.registry.url) (or .Values.registry.existingSecret .Values.registry.caSecret .Values.registry.autoRegister) }}{{ fail "registry.url is empty: registry.existingSecret, registry.caSecret and registry.autoRegister are for the registry that it names." }}{{ end }}
{{- $stable := eq .Values.workload "StatefulSet" }}
{{- if and (eq .Values.delivery.guarantee "ExactlyOnce") (not $stable) }}{{ fail "delivery.guarantee ExactlyOnce needs workload StatefulSet: a stable transactional id frees a crashed predecessor's transaction." }}{{ end }}
{{- if and .Values.kafka.staticMembership (not $stable) }}{{ fail "kafka.staticMembership needs workload StatefulSet: group.instance.id is the pod's name." }}{{ end }}
{{- if and (eq .Values.model.device "cuda") (eq (int .Values.gpu.count) 0) }}{{ fail "model.device cuda needs gpu.count of at least 1." }}{{ end }}
{{- if and (gt (int .Values.gpu.count) 0) (eq .Values.model.device "cpu") }}{{ fail (printf "gpu.count %d is of no use with model.device cpu: set model.device to cuda or auto." (int .Values.gpu.count)) }}{{ end }}
{{- if and (eq .Values.kafka.saslMechanism "OAUTHBEARER") (ne (get .Values.kafka.client "sasl.oauthbearer.method") "oidc") }}{{ fail "kafka.saslMechanism OAUTHBEARER needs kafka.client \"sasl.oauthbearer.method\": oidc, with the properties that come with it: the worker has no other way to a token." }}{{ end }}
{{- if and (eq .Values.kafka.saslMechanism "OAUTHBEARER") .Values.networkPolicy.enabled (not .Values.networkPolicy.extraPorts) }}{{ fail "kafka.saslMechanism OAUTHBEARER needs networkPolicy.extraPorts with the port of the token endpoint, such as 443: the worker reaches no other port than those that are named." }}{{ end }}
{{- if gt (int .Values.keda.minReplicas) (int .Values.keda.maxReplicas) }}{{ fail "keda.minReplicas is above keda.maxReplicas." }}{{ end }}
{{- $drain := splitList ":" .Values.delivery.drainTimeout }}
{{- $seconds := add (mul (index $drain 0 | int) 3600) (mul (index $drain 1 | int) 60) (index $drain 2 | int) 10 }}
{{- if lt (int .Values.terminationGracePeriodSeconds) (int $seconds) }}{{ fail (printf "terminationGracePeriodSeconds %d is below delivery.drainTimeout and its margin, %d s: the kubelet would kill a draining worker." (int .Values.terminationGracePeriodSeconds) (int $seconds)) }}{{ end }}
{{- end }}

{{- define "mtlstream.pod" -}}
{{- include "mtlstream.check" . }}
metadata:
  labels:
    {{- include "mtlstream.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ include "mtlstream.texts" . | trim | nindent 4 }}{{ end }}
  annotations:
    checksum/settings: {{ include (print $.Template.BasePath "/configmap.yaml") . | sha256sum }}
    {{- if .Values.telemetry.scrape }}
    prometheus.io/scrape: "true"
    prometheus.io/port: "8080"
    prometheus.io/path: /metrics
    {{- end }}
    {{- with .Values.podAnnotations }}{{ include "mtlstream.texts" . | trim | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "mtlstream.account" . }}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 1654
    runAsGroup: 1654
    fsGroup: 1654
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: worker
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [run]
      ports:
        - { name: health, containerPort: 8080 }
        {{- if .Values.http.grpc }}
        - { name: grpc, containerPort: 8081 }
        {{- end }}
      envFrom:
        - configMapRef: { name: {{ include "mtlstream.name" . }} }
        {{- with .Values.kafka.existingSecret }}
        - prefix: MTLSTREAM__Kafka__Client__
          secretRef: { name: {{ . }} }
        {{- end }}
        {{- with .Values.registry.existingSecret }}
        - prefix: MTLSTREAM__Registry__
          secretRef: { name: {{ . }} }
        {{- end }}
      env:
        {{- with .Values.http.tokenSecret }}
        - name: MTLSTREAM__Http__Token
          valueFrom: { secretKeyRef: { name: {{ . }}, key: token } }
        {{- end }}
        - name: POD_NAME
          valueFrom: { fieldRef: { fieldPath: metadata.name } }
        {{- with include "mtlstream.cores" . }}
        # Without a CPU limit the runtime would count the node's cores and start an inference worker on each.
        - { name: DOTNET_PROCESSOR_COUNT, value: {{ . | quote }} }
        {{- end }}
        {{- if eq .Values.delivery.guarantee "ExactlyOnce" }}
        - { name: MTLSTREAM__Delivery__TransactionalId, value: "{{ .Values.kafka.groupId }}-$(POD_NAME)" }
        {{- end }}
        {{- if .Values.kafka.staticMembership }}
        - { name: MTLSTREAM__Kafka__Consumer__group_instance_id, value: $(POD_NAME) }
        {{- end }}
        {{- if .Values.telemetry.endpoint }}
        - { name: OTEL_RESOURCE_ATTRIBUTES, value: {{ printf "service.instance.id=$(POD_NAME),k8s.pod.name=$(POD_NAME),k8s.namespace.name=%s,service.namespace=%s%s" .Release.Namespace .Release.Namespace (include "mtlstream.attributes" .) | quote }} }
        {{- end }}
        {{- range .Values.env }}
        {{- if not (and $.Values.telemetry.endpoint (eq .name "OTEL_RESOURCE_ATTRIBUTES")) }}
        {{- toYaml (list .) | nindent 8 }}
        {{- end }}
        {{- end }}
      # Loading and warming up a model takes seconds.
      startupProbe:
        httpGet: { path: /health/startup, port: health }
        periodSeconds: 2
        failureThreshold: 90
      readinessProbe:
        httpGet: { path: /health/ready, port: health }
        periodSeconds: 5
      livenessProbe: # does not depend on the brokers: a restart would not bring one back
        httpGet: { path: /health/live, port: health }
        periodSeconds: 10
        failureThreshold: 3
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      resources:
        {{- $resources := deepCopy .Values.resources }}
        {{- if gt (int .Values.gpu.count) 0 }}
        {{- $limits := merge (dict .Values.gpu.resource (int .Values.gpu.count)) ($resources.limits | default dict) }}
        {{- $_ := set $resources "limits" $limits }}
        {{- end }}
        {{- toYaml $resources | nindent 8 }}
      volumeMounts:
        - { name: scratch, mountPath: /tmp }
        {{- if .Values.model.volumeClaim }}
        - { name: models, mountPath: /models, readOnly: true }
        {{- end }}
        {{- if .Values.kafka.tlsSecret }}
        - { name: kafka-tls, mountPath: /etc/kafka-tls, readOnly: true }
        {{- end }}
        {{- if .Values.registry.caSecret }}
        - { name: registry-tls, mountPath: /etc/registry-tls, readOnly: true }
        {{- end }}
  volumes:
    - name: scratch
      emptyDir: { medium: Memory, sizeLimit: {{ .Values.scratchSize }} }
    {{- with .Values.model.volumeClaim }}
    - name: models
      persistentVolumeClaim: { claimName: {{ . }}, readOnly: true }
    {{- end }}
    {{- with .Values.kafka.tlsSecret }}
    - name: kafka-tls
      secret: { secretName: {{ . }}, defaultMode: 0440 }
    {{- end }}
    {{- with .Values.registry.caSecret }}
    - name: registry-tls
      secret: { secretName: {{ . }}, defaultMode: 0440, items: [{ key: ca.crt, path: ca.crt }] }
    {{- end }}
  {{- if .Values.topologySpread.enabled }}
  topologySpreadConstraints:
    {{- range $key := list .Values.topologySpread.zoneKey "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector: { matchLabels: {{ include "mtlstream.selector" $ | fromYaml | toJson }} }
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{ include "mtlstream.texts" . | trim | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
