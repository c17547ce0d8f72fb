{{/* The labels that every object carries. */}}
{{- define "scalequest.labels" -}}
{{ include "scalequest.partOf" . }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* Labels that were given as a list of NAME=VALUE. */}}
{{- define "scalequest.namedLabels" -}}
{{- range . }}
{{ (split "=" .)._0 }}: {{ (split "=" .)._1 | quote }}
{{- end }}
{{- end }}

{{/* What an object belongs to; by this the network policy finds pods. */}}
{{- define "scalequest.partOf" -}}
app.kubernetes.io/name: scalequest
app.kubernetes.io/part-of: scalequest
{{- end }}

{{/* The labels that a Job's pods carry. */}}
{{- define "scalequest.podLabels" -}}
{{ include "scalequest.partOf" . }}
{{ include "scalequest.noSidecar" . }}
{{- end }}

{{/* No Istio in a pod: the processes of a training cannot find each other through its proxy, and a Job whose proxy is
no native sidecar never ends. */}}
{{- define "scalequest.noSidecar" -}}
sidecar.istio.io/inject: "false"
{{- end }}

{{/* No eviction to save nodes: it costs the parts in flight, a training what came after its last checkpoint, and the
judge the loading of its model. The same as on a run's pods. */}}
{{- define "scalequest.podAnnotations" -}}
cluster-autoscaler.kubernetes.io/safe-to-evict: "false"
karpenter.sh/do-not-disrupt: "true"
{{- end }}

{{/* Who submits, as subjects of a RoleBinding. */}}
{{- define "scalequest.submitters" -}}
{{- range .Values.submitters }}
- kind: {{ .kind }}
  name: {{ .name | quote }}
  {{- if eq .kind "ServiceAccount" }}
  namespace: {{ .namespace | default $.Release.Namespace | quote }}
  {{- else }}
  apiGroup: rbac.authorization.k8s.io
  {{- end }}
{{- end }}
{{- end }}

{{/* The hardware profile as it is written in pipelines/profiles. */}}
{{- define "scalequest.profile" -}}
{{- $text := .Files.Get (printf "files/profiles/%s.yaml" .Values.profile) -}}
{{- if not $text -}}
{{- $names := list -}}
{{- range $path, $_ := .Files.Glob "files/profiles/*.yaml" -}}
{{- $names = append $names (base $path | trimSuffix ".yaml") -}}
{{- end -}}
{{- fail (printf "profile %q is unknown; expected one of %s" .Values.profile (join ", " $names)) -}}
{{- end -}}
{{- $text -}}
{{- end }}

{{/* The digest of an image, given or of the release; "" where there is neither; (dict "root" $ "name" "vllm"). */}}
{{- define "scalequest.digest" -}}
{{- $released := .root.Files.Get "files/images.json" | fromJson -}}
{{- (index .root.Values.images .name).digest | default (index $released.digests .name) | default "" -}}
{{- end }}

{{/* An image by digest; (dict "root" $ "name" "vllm" "for" "judge.enabled"). */}}
{{- define "scalequest.image" -}}
{{- $images := .root.Values.images -}}
{{- $released := .root.Files.Get "files/images.json" | fromJson -}}
{{- $registry := $images.registry | default (ternary $released.prefix "" (hasKey $released.digests .name)) -}}
{{- $registry = required (printf "images.registry is empty and %s needs it: give the registry, such as europe-docker.pkg.dev/project/scalequest" .for) $registry -}}
{{- $digest := required (printf "images.%s.digest is empty and %s runs that image: give its digest, sha256:…" .name .for) (include "scalequest.digest" .) -}}
{{- printf "%s/%s@%s" $registry (index $images .name).name $digest -}}
{{- end }}

{{/* A compiled pipeline with the chart's images in place of the release's; (dict "root" $ "path" "files/…" "for" "…").
On one machine, images without a digest may be on the node. */}}
{{- define "scalequest.pipelineText" -}}
{{- $root := .root -}}
{{- $for := .for -}}
{{- $text := $root.Files.Get .path -}}
{{- $released := $root.Files.Get "files/images.json" | fromJson -}}
{{- $isLocal := eq (include "scalequest.profile" $root | fromYaml).platform "local" -}}
{{- range $name := list "cpu" "vllm" "train" -}}
{{- $digest := index $released.digests $name -}}
{{- $compiled := printf "%s/%s%s" $released.prefix $name (ternary (printf "@%s" $digest) (printf ":%s" $released.tag) (not (empty $digest))) -}}
{{- if or (include "scalequest.digest" (dict "root" $root "name" $name)) (not $isLocal) -}}
{{- $text = replace $compiled (include "scalequest.image" (dict "root" $root "name" $name "for" $for)) $text -}}
{{- end -}}
{{- end -}}
{{- $text -}}
{{- end }}

{{/* The images of what is compiled in a pod: its own file of names was written before the digests were known. On one
machine, images without a digest may be on the node. (dict "root" $ "for" "…") */}}
{{- define "scalequest.compiledImages" -}}
{{- $root := .root -}}
{{- $for := .for -}}
{{- $isLocal := eq (include "scalequest.profile" $root | fromYaml).platform "local" -}}
{{- range $name := list "cpu" "vllm" "train" }}
{{- if or (include "scalequest.digest" (dict "root" $root "name" $name)) (not $isLocal) }}
- {name: SCALEQUEST_IMAGE_{{ upper $name }}, value: {{ include "scalequest.image" (dict "root" $root "name" $name "for" $for) | quote }}}
{{- end }}
{{- end }}
{{- end }}

{{/* The preset's file of recurring runs; refused where it holds a secret, by the patterns of compiled_secrets.py. */}}
{{- define "scalequest.presetFile" -}}
{{- $text := .Values.recurring.presetFile -}}
{{- $tokens := dict
  "a token of the Hugging Face hub" "hf_[A-Za-z0-9]{20,}"
  "a key of an OpenAI-compatible API" "sk-[A-Za-z0-9_-]{20,}"
  "an access key of AWS" "(?:AKIA|ASIA)[A-Z0-9]{16}"
  "a key of a Google API" "AIza[A-Za-z0-9_-]{35}"
  "an access token of Google" "ya29\\.[A-Za-z0-9_-]{20,}"
  "a token of GitHub" "(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})"
  "a JSON Web Token" "eyJ[A-Za-z0-9_-]{10,}\\.eyJ[A-Za-z0-9_-]{10,}\\."
  "a private key" "-----BEGIN [A-Z ]*PRIVATE KEY"
  "an address with a password" "[a-z][a-z0-9+]*://[^\\s/:@]+:[^\\s/@]+@"
-}}
{{- range $what, $pattern := $tokens -}}
{{- if regexMatch (printf "(?:^|[^A-Za-z0-9_-])%s" $pattern) $text -}}
{{- fail (printf "recurring.presetFile: %s was found there, and everyone who may read a ConfigMap would see it; create a Secret, and name it in hub_secret, rewriter_secret or store_secret" $what) -}}
{{- end -}}
{{- end -}}
{{- $text -}}
{{- end }}

{{/* Where a GPU pod of the profile runs. */}}
{{- define "scalequest.placement" -}}
{{- $profile := include "scalequest.profile" . | fromYaml -}}
{{- $spot := ternary $profile.spot dict .Values.spot -}}
{{- with merge dict ($spot.node_selector | default dict) $profile.node_selector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with concat $profile.tolerations ($spot.tolerations | default list) }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Requests and limits of a task of the profile; (dict "root" $ "task" "inference"). */}}
{{- define "scalequest.resources" -}}
{{- $profile := include "scalequest.profile" .root | fromYaml -}}
{{- $task := index $profile.tasks .task -}}
requests:
  cpu: {{ $task.cpu | quote }}
  memory: {{ $task.memory }}
  ephemeral-storage: {{ $task.ephemeral_storage }}
limits:
  memory: {{ $task.memory }}
  ephemeral-storage: {{ $task.ephemeral_storage }}
  {{- if ne $task.gpus "0" }}
  nvidia.com/gpu: {{ $task.gpus | quote }}
  {{- end }}
{{- end }}

{{/* Pod and container security that Pod Security Standards call restricted. */}}
{{- define "scalequest.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 0
seccompProfile:
  type: RuntimeDefault
{{- end }}
{{- define "scalequest.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* The images keep their caches below /tmp, an emptyDir; what else looks for a home finds it there, too. */}}
{{- define "scalequest.home" -}}
- {name: HOME, value: /tmp}
{{- end }}

{{- define "scalequest.pullSecrets" -}}
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{/* The Hugging Face token, where its Secret exists. */}}
{{- define "scalequest.hubToken" -}}
- name: HF_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ .Values.secrets.hubToken.name | quote }}
      key: {{ .Values.secrets.hubToken.key | quote }}
      optional: true
{{- end }}

{{/* The store's endpoint and keys, where their Secret exists: pipelines/store_secret.py says which and why. */}}
{{- define "scalequest.storeVariables" -}}
{{- range list "AWS_ENDPOINT_URL" "AWS_REGION" "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" "AWS_SESSION_TOKEN" "AWS_CA_BUNDLE" "AWS_REQUEST_CHECKSUM_CALCULATION" "GOOGLE_APPLICATION_CREDENTIALS" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $.Values.secrets.store.name | quote }}, key: {{ . }}, optional: true}
{{- end }}
{{- end }}
{{- define "scalequest.storeMount" -}}
- {name: store, mountPath: /etc/scalequest-store, readOnly: true}
{{- end }}
{{- define "scalequest.storeVolume" -}}
- name: store
  secret: {secretName: {{ .Values.secrets.store.name | quote }}, optional: true}
{{- end }}

{{/* What a run is told of it: its pods know the default name by themselves. */}}
{{- define "scalequest.storeSetting" -}}
{{- if ne .Values.secrets.store.name "scalequest-store" -}}
--set=store_secret={{ .Values.secrets.store.name }}
{{- end -}}
{{- end }}

{{/* A quantity so many times: (list "95690m" 2) is 191380m. */}}
{{- define "scalequest.times" -}}
{{- $number := regexFind "^[0-9]+" (index . 0) -}}
{{- printf "%d%s" (mul (int64 $number) (int64 (index . 1))) (trimPrefix $number (index . 0)) -}}
{{- end }}

{{/* The ConfigMap of a compiled pipeline, by its file. */}}
{{- define "scalequest.pipelineFile" -}}
scalequest-pipeline-{{ base . | trimSuffix ".yaml" | replace "_" "-" }}
{{- end }}
