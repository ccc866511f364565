// OHIF's configuration as `wilhelm serve` gives it: the DICOMweb of the same origin, by the same session.
window.PUBLIC_URL = "/ohif/";
function browserImportFunction(module) {
  return import(module);
}
window.config = {
  name: "wilhelm",
  routerBasename: "/ohif",
  extensions: [],
  modes: [],
  customizationService: {},
  showStudyList: true,
  maxNumberOfWebWorkers: 3,
  showCPUFallbackMessage: true,
  showLoadingIndicator: true,
  strictZSpacingForVolumeViewport: true,
  groupEnabledModesFirst: true,
  maxNumRequests: { interaction: 100, thumbnail: 5, prefetch: 10 },
  showErrorDetails: "always",
  defaultDataSourceName: "wilhelm",
  dataSources: [
    {
      namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
      sourceName: "wilhelm",
      configuration: {
        friendlyName: "Wilhelm",
        name: "wilhelm",
        wadoUriRoot: window.location.origin + "/dicom-web",
        qidoRoot: window.location.origin + "/dicom-web",
        wadoRoot: window.location.origin + "/dicom-web",
        qidoSupportsIncludeField: true,
        supportsReject: false,
        supportsFuzzyMatching: true,
        supportsWildcard: true,
        imageRendering: "wadors",
        thumbnailRendering: "wadors",
        enableStudyLazyLoad: true,
        singlepart: "bulkdata,video",
        bulkDataURI: { enabled: true },
        omitQuotationForMultipartRequest: true,
      },
    },
  ],
};
